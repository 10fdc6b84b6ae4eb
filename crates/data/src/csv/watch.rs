//! What stands between a file and the CSV parser: it evens out the bytes and sees what the parser passes over.
//!
//! Taken away: a byte order mark, the CR of a CRLF outside quotes. Added: a line end after the last line. Refused, by
//! line: a quote that is never closed, text after a closing quote, a line that is too long.

use crate::error::Error;
use std::io::{self, Read};

const CHUNK: usize = 16 * 1024;
const BOM: &[u8] = b"\xef\xbb\xbf";

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the first byte of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// In a quoted field that opened in this line.
    Quoted(u64),
    /// After a quote in a quoted field: the end, or the first of two.
    Quote(u64),
}

pub(super) struct Watch<R> {
    input: R,
    delimiter: u8,
    max_line: usize,
    state: State,
    /// The line the next byte stands in.
    line: u64,
    /// Bytes of the record so far.
    length: usize,
    /// Whether a CR outside quotes waits for its LF.
    cr: bool,
    chunk: Vec<u8>,
    /// What the parser has yet to get, from `given` on.
    out: Vec<u8>,
    given: usize,
    /// What is said once `out` has been given.
    end: Option<End>,
    begun: bool,
}

enum End {
    Done,
    Refused(Error),
}

impl<R: Read> Watch<R> {
    pub fn new(input: R, delimiter: u8, max_line: usize) -> Self {
        Self {
            input,
            delimiter,
            max_line,
            state: State::Start,
            line: 1,
            length: 0,
            cr: false,
            chunk: vec![0; CHUNK],
            out: Vec::with_capacity(CHUNK + 2),
            given: 0,
            end: None,
            begun: false,
        }
    }

    /// Reads and evens out the next chunk.
    fn refill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.given = 0;
        let mut chunk = std::mem::take(&mut self.chunk);
        let read = self.read_chunk(&mut chunk);
        if let Ok(len) = read {
            let begin = if !self.begun && chunk[..len].starts_with(BOM) { BOM.len() } else { 0 };
            self.begun = true;
            let end = if len == 0 {
                self.finish().map(|()| Some(End::Done))
            } else {
                chunk[begin..len].iter().try_for_each(|&byte| self.take(byte)).map(|()| None)
            };
            self.end = end.unwrap_or_else(|e| Some(End::Refused(e)));
        }
        self.chunk = chunk;
        read.map(|_| ())
    }

    /// Fills `chunk` as far as the input goes at once; the first time far enough to see a byte order mark.
    fn read_chunk(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let enough = if self.begun { 1 } else { BOM.len() };
        let mut len = 0;
        while len < enough {
            match self.input.read(&mut chunk[len..]) {
                Ok(0) => break,
                Ok(n) => len += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(len)
    }

    fn take(&mut self, byte: u8) -> Result<(), Error> {
        if self.cr {
            self.cr = false;
            if byte != b'\n' {
                self.give(b'\r')?;
            }
        }
        if byte == b'\r' && !matches!(self.state, State::Quoted(_)) {
            self.cr = true;
            return Ok(());
        }
        self.give(byte)
    }

    /// Hands a byte on and follows the parser's state.
    fn give(&mut self, byte: u8) -> Result<(), Error> {
        self.state = match (self.state, byte) {
            (State::Quoted(opened), b'"') => State::Quote(opened),
            (State::Quoted(opened), _) => State::Quoted(opened),
            (State::Quote(opened), b'"') => State::Quoted(opened),
            (_, b'\n') => State::Start,
            (_, byte) if byte == self.delimiter => State::Start,
            (State::Quote(_), _) => {
                return Err(refuse(
                    "a closing quote must end its field",
                    format!("text after it in line {}", self.line),
                    "double the quotes inside the field",
                ));
            }
            (State::Start, b'"') => State::Quoted(self.line),
            (State::Start | State::Plain, _) => State::Plain,
        };
        self.length += 1;
        if byte == b'\n' {
            self.line += 1;
            if self.state == State::Start {
                self.length = 0;
            }
        }
        if self.length > self.max_line {
            return Err(refuse(
                "a line must fit the limit",
                format!("more than {} bytes in line {}", self.max_line, self.line),
                "check the quotes and line ends of the file, or raise max_line",
            ));
        }
        self.out.push(byte);
        Ok(())
    }

    /// The end of the input.
    fn finish(&mut self) -> Result<(), Error> {
        if let State::Quoted(opened) = self.state {
            return Err(refuse(
                "a quote must be closed",
                format!("the end of the file with the quote of line {opened} open"),
                "close it, or double the quotes inside the field",
            ));
        }
        self.cr = false; // a CR at the very end ends the line
        if self.length > 0 { self.give(b'\n') } else { Ok(()) }
    }
}

impl<R: Read> Read for Watch<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.out.len() {
            match self.end.take() {
                None => self.refill()?,
                Some(End::Done) => {
                    self.end = Some(End::Done);
                    return Ok(0);
                }
                Some(End::Refused(e)) => {
                    self.end = Some(End::Refused(e.clone()));
                    return Err(io::Error::new(io::ErrorKind::InvalidData, e));
                }
            }
        }
        let len = buffer.len().min(self.out.len() - self.given);
        buffer[..len].copy_from_slice(&self.out[self.given..self.given + len]);
        self.given += len;
        Ok(len)
    }
}

fn refuse(rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::Format { op: "csv", rule, got, repair }
}
