//! The protocol-buffer wire format, as far as events need it: writing, no reading.
//!
//! A field is a key, `number << 3 | kind`, and its value: kind 0 is a number in groups of seven bits, the lowest first;
//! 1 is eight bytes, 5 four bytes, little-endian; 2 is a length and that many bytes. Zeros are written as any other
//! value, since the fields of a choice must be there to be chosen.

/// A message, written field by field in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    /// `int32`, `int64`, `bool` and enumerations, none of which is ever negative here.
    pub fn number(mut self, field: u32, value: u64) -> Self {
        self.key(field, 0);
        self.varint(value);
        self
    }

    pub fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// `bytes`, and `string` where they are UTF-8.
    pub fn bytes(mut self, field: u32, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// `repeated double`, packed.
    pub fn doubles(mut self, field: u32, values: &[f64]) -> Self {
        self.key(field, 2);
        self.varint(8 * values.len() as u64);
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    pub fn message(self, field: u32, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }

    /// The fields of another message behind those of this one.
    pub fn and(mut self, other: &Message) -> Self {
        self.0.extend(&other.0);
        self
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_encoding_guide() {
        // The three examples of the protocol buffers' own description.
        assert_eq!(Message::new().number(1, 150).as_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::new().bytes(2, "testing");
        assert_eq!(text.as_bytes(), [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        let inner = Message::new().number(1, 150);
        assert_eq!(Message::new().message(3, &inner).as_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn numbers_take_a_byte_for_each_seven_bits() {
        for (value, length) in [(0, 1), (127, 1), (128, 2), (1 << 35, 6), (i64::MAX as u64, 9)] {
            assert_eq!(Message::new().number(1, value).as_bytes().len(), 1 + length, "{value}");
        }
        assert_eq!(Message::new().float(2, 1.0).as_bytes(), [0x15, 0, 0, 0x80, 0x3f]);
        assert_eq!(Message::new().double(1, 2.0).as_bytes(), [0x09, 0, 0, 0, 0, 0, 0, 0, 0x40]);
        // A field number beyond 15 needs a second byte for its key.
        assert_eq!(Message::new().number(16, 1).as_bytes(), [0x80, 0x01, 1]);
    }
}
