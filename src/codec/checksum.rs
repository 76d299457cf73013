//! The one checksum of the crate: CRC-32C (Castagnoli), plain, as iSCSI and ext4 use it.
//!
//! It guards against decay and torn writes, not against an adversary. It must stay the same for ever: files of every
//! version are checked with it.

/// The CRC-32C of `bytes`.
///
/// ```
/// assert_eq!(gnocchetti::internals::codec::crc(b"123456789"), 0xe306_9283);
/// ```
pub fn crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

#[cfg(test)]
mod tests {
    use super::crc;

    #[test]
    fn check_values_of_rfc_3720() {
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(b""), 0);
    }
}
