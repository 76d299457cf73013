//! Structures to bytes and back, for MANIFEST and the footers of segments: the one place that names bincode.
//!
//! Little-endian, fixed width, with a limit, so that damaged lengths cannot ask for unbounded memory. Callers verify a
//! checksum before they decode. bincode 2 is no longer maintained; its bytes with this configuration are plain enough
//! (each field in order; `u64` length before each sequence) that any successor can read them.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No structure that is stored this way is larger: a footer of 64 MiB would index some hundred million chunks.
pub const MAX_ENCODED: usize = 256 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MAX_ENCODED>()
}

/// The bytes of `value`.
///
/// # Errors
///
/// A description, when the value is larger than [`MAX_ENCODED`] or cannot be represented.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(value, config()).map_err(|error| error.to_string())
}

/// The value that all of `bytes` stands for.
///
/// # Errors
///
/// A description, when the bytes are not exactly one encoded value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, config()).map_err(|error| error.to_string())?;
    if used == bytes.len() { Ok(value) } else { Err(format!("{} bytes follow the structure", bytes.len() - used)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_comes_back_and_nothing_else_does() {
        let value = (7_u64, vec![(1_i64, "a".to_owned())]);
        let bytes = encode(&value).unwrap();
        assert_eq!(bytes.len(), 8 + 8 + 8 + 8 + 1);
        assert_eq!(decode::<(u64, Vec<(i64, String)>)>(&bytes).unwrap(), value);
        assert!(decode::<(u64, Vec<(i64, String)>)>(&bytes[..bytes.len() - 1]).is_err());
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode::<(u64, Vec<(i64, String)>)>(&longer).is_err());
    }

    #[test]
    fn a_damaged_length_asks_for_no_memory() {
        let mut bytes = encode(&vec![0_u64; 2]).unwrap();
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(decode::<Vec<u64>>(&bytes).is_err());
    }
}
