//! Reads event files by another road than the writer: checksums bit by bit, messages as lists of fields.

/// CRC-32C with the reflected polynomial, a bit at a time, masked.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    let crc = u64::from(!crc);
    ((crc >> 15 | crc << 17 & 0xffff_ffff) + 0xa282_ead8) as u32
}

/// The data of each record; panics unless every checksum holds and the last record ends with the file.
pub(crate) fn records(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while !file.is_empty() {
        let (length, rest) = file.split_at(8);
        let (sum, rest) = rest.split_at(4);
        assert_eq!(sum, checksum(length).to_le_bytes(), "checksum of the length of record {}", out.len());
        let (data, rest) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let (sum, rest) = rest.split_at(4);
        assert_eq!(sum, checksum(data).to_le_bytes(), "checksum of the data of record {}", out.len());
        out.push(data.to_vec());
        file = rest;
    }
    out
}

/// A field of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Number(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(Vec<u8>),
}

/// A message: its fields with their numbers, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields(pub Vec<(u64, Field)>);

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for group in 0.. {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value += u64::from(byte & 0x7f) << (7 * group);
        if byte < 0x80 {
            break;
        }
    }
    value
}

impl Fields {
    pub fn parse(mut bytes: &[u8]) -> Self {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let length = match key & 7 {
                0 => {
                    out.push((key >> 3, Field::Number(varint(&mut bytes))));
                    continue;
                }
                1 => 8,
                2 => varint(&mut bytes) as usize,
                5 => 4,
                kind => panic!("kind {kind}"),
            };
            let (value, rest) = bytes.split_at(length);
            bytes = rest;
            let field = match key & 7 {
                1 => Field::Eight(value.try_into().unwrap()),
                2 => Field::Bytes(value.to_vec()),
                _ => Field::Four(value.try_into().unwrap()),
            };
            out.push((key >> 3, field));
        }
        Fields(out)
    }

    pub fn all(&self, number: u64) -> impl Iterator<Item = &Field> {
        self.0.iter().filter(move |field| field.0 == number).map(|field| &field.1)
    }

    /// The only field of a number.
    pub fn one(&self, number: u64) -> &Field {
        let mut all = self.all(number);
        let field = all.next().unwrap_or_else(|| panic!("no field {number} in {self:?}"));
        assert!(all.next().is_none(), "two fields {number} in {self:?}");
        field
    }

    pub fn message(&self, number: u64) -> Fields {
        Fields::parse(self.bytes(number))
    }

    pub fn bytes(&self, number: u64) -> &[u8] {
        let Field::Bytes(bytes) = self.one(number) else { panic!("field {number} of {self:?}") };
        bytes
    }

    pub fn text(&self, number: u64) -> &str {
        std::str::from_utf8(self.bytes(number)).unwrap()
    }

    pub fn number(&self, number: u64) -> u64 {
        let Field::Number(value) = self.one(number) else { panic!("field {number} of {self:?}") };
        *value
    }

    pub fn double(&self, number: u64) -> f64 {
        let Field::Eight(bytes) = self.one(number) else { panic!("field {number} of {self:?}") };
        f64::from_le_bytes(*bytes)
    }

    pub fn float(&self, number: u64) -> f32 {
        let Field::Four(bytes) = self.one(number) else { panic!("field {number} of {self:?}") };
        f32::from_le_bytes(*bytes)
    }

    pub fn doubles(&self, number: u64) -> Vec<f64> {
        let values = self.bytes(number).chunks(8);
        values.map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }
}
