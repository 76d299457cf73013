//! A cursor over bytes that may say anything: every read checks, none panics.

use super::DecodeError;
use super::varint::unzigzag;

const ENDS: DecodeError = DecodeError("the bytes end too early");

/// What is left to read.
#[derive(Clone)]
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { left: bytes }
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.left.split_at_checked(n).ok_or(ENDS)?;
        self.left = tail;
        Ok(head)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, tail) = self.left.split_first().ok_or(ENDS)?;
        self.left = tail;
        Ok(byte)
    }

    /// The next eight bytes as a little-endian number.
    #[inline]
    pub fn word(&mut self) -> Result<u64, DecodeError> {
        let (word, tail) = self.left.split_first_chunk().ok_or(ENDS)?;
        self.left = tail;
        Ok(u64::from_le_bytes(*word))
    }

    /// The next four bytes as a checksum.
    pub fn sum(&mut self) -> Result<u32, DecodeError> {
        let (sum, tail) = self.left.split_first_chunk().ok_or(ENDS)?;
        self.left = tail;
        Ok(u32::from_le_bytes(*sum))
    }

    /// The next varint.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let first = self.byte()?;
        if first < 0x80 { Ok(u64::from(first)) } else { self.long_varint(first) }
    }

    fn long_varint(&mut self, first: u8) -> Result<u64, DecodeError> {
        let mut x = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            x |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let lost = shift == 63 && byte > 1;
                return if lost { Err(DecodeError("a varint exceeds 64 bits")) } else { Ok(x) };
            }
        }
        Err(DecodeError("a varint exceeds ten bytes"))
    }

    /// The next zigzag varint.
    #[inline]
    pub fn signed(&mut self) -> Result<i64, DecodeError> {
        self.varint().map(unzigzag)
    }

    /// The next varint, which must not exceed `most`.
    pub fn count(&mut self, most: usize) -> Result<usize, DecodeError> {
        match usize::try_from(self.varint()?) {
            Ok(n) if n <= most => Ok(n),
            _ => Err(DecodeError("a count exceeds what can be there")),
        }
    }

    /// Ends the reading: nothing may be left.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.left.is_empty() { Ok(()) } else { Err(DecodeError("bytes are left over")) }
    }
}
