//! Records in a file that grows: a length, its checksum, the data, its checksum.
//!
//! Layout, little-endian (the TFRecord format): u64 length, u32 masked CRC-32C of those eight bytes, the data, u32
//! masked CRC-32C of the data. A checksum is masked as `rotate_right(15) + 0xa282ead8`, so that a checksum over data
//! that hold checksums stays a good one.

use crc::{CRC_32_ISCSI, Crc};
use std::io::{self, ErrorKind, Write};

/// CRC-32C, by the name that it has in catalogues.
static CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// Bytes of a record beside its data.
const FRAME: usize = 8 + 4 + 4;
/// As many bytes wait in memory at most, or one record if that is longer.
const WAITING: usize = 1 << 16;

fn masked(bytes: &[u8]) -> u32 {
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Records on their way to `out`.
pub(super) struct Records<W> {
    out: W,
    waiting: Vec<u8>,
}

impl<W: Write> Records<W> {
    pub fn new(out: W) -> Self {
        Records { out, waiting: Vec::new() }
    }

    /// Adds a record. It is refused only when the file must take what waits first and does not.
    pub fn push(&mut self, data: &[u8]) -> io::Result<()> {
        if self.waiting.len() + FRAME + data.len() > WAITING {
            self.flush()?;
        }
        let length = (data.len() as u64).to_le_bytes();
        self.waiting.extend(length);
        self.waiting.extend(masked(&length).to_le_bytes());
        self.waiting.extend(data);
        self.waiting.extend(masked(data).to_le_bytes());
        Ok(())
    }

    /// Hands everything to the system. After an error, the next call goes on at the byte where this one stopped: no
    /// record is lost, doubled or cut.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut done = 0;
        let mut result = Ok(());
        while done < self.waiting.len() && result.is_ok() {
            match self.out.write(&self.waiting[done..]) {
                Ok(0) => result = Err(ErrorKind::WriteZero.into()),
                Ok(n) => done += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => result = Err(e),
            }
        }
        self.waiting.drain(..done);
        result.and_then(|()| self.out.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::decode::records;

    /// A disk with so many bytes left.
    struct Disk {
        file: Vec<u8>,
        free: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.free);
            if n == 0 && !bytes.is_empty() {
                return Err(ErrorKind::StorageFull.into());
            }
            self.file.extend(&bytes[..n]);
            self.free -= n;
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_checksum_is_the_castagnoli_one() {
        // The check value of CRC catalogues, and the zeros of RFC 3720, B.4.
        assert_eq!(CRC_32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(CRC_32C.checksum(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_full_disk_loses_nothing_once_there_is_space_again() {
        for free in 0..60 {
            let mut out = Records::new(Disk { file: Vec::new(), free });
            out.push(b"first").unwrap();
            out.push(b"second").unwrap();
            let full = out.flush();
            assert_eq!(full.is_err(), free < 2 * FRAME + 11, "{free}");
            assert_eq!(out.out.file.len(), free.min(2 * FRAME + 11));
            out.push(b"third").unwrap();
            out.out.free = 1000;
            out.flush().unwrap();
            assert_eq!(records(&out.out.file), [b"first".to_vec(), b"second".to_vec(), b"third".to_vec()]);
        }
    }

    #[test]
    fn what_waits_is_bounded_however_often_a_full_disk_is_tried() {
        let mut out = Records::new(Disk { file: Vec::new(), free: 0 });
        let refused = (0..100).filter(|_| out.push(&[7; 4096]).is_err()).count();
        assert!(out.waiting.len() <= WAITING);
        assert_eq!(refused, 100 - WAITING / (4096 + FRAME));
        // A record beyond the bound goes through alone.
        let mut out = Records::new(Disk { file: Vec::new(), free: usize::MAX });
        out.push(&[7; 3 * WAITING]).unwrap();
        out.push(b"next").unwrap();
        assert_eq!(out.out.file.len(), 3 * WAITING + FRAME);
    }
}
