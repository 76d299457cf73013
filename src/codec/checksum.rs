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

/// Looks for the one byte of `bytes` that must have changed for them to have had this CRC-32C. Each possibility is offered to
/// `confirm`, with the byte changed back (or none changed, when a byte of `sum` itself explains it), until one is taken; else
/// `bytes` are as they were. Of `n` bytes of noise, one in 16 million / `n` passes: whoever confirms must look further.
pub fn mend(bytes: &mut [u8], sum: u32, confirm: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let difference = crc(bytes) ^ sum;
    if difference.to_le_bytes().iter().filter(|byte| **byte != 0).count() <= 1 && confirm(bytes) {
        return true;
    }
    // The checksum is linear: what a change of one byte does to it depends on the change and on how many bytes follow.
    let mut effects = [0; 8];
    for (bit, effect) in effects.iter_mut().enumerate() {
        *effect = crc(&[1 << bit]) ^ crc(&[0]);
    }
    for at in (0..bytes.len()).rev() {
        for change in 1..=u8::MAX {
            let bits = effects.iter().enumerate().filter(|(bit, _)| change >> bit & 1 == 1);
            if bits.fold(0, |sum, (_, effect)| sum ^ effect) == difference {
                bytes[at] ^= change;
                if confirm(bytes) {
                    return true;
                }
                bytes[at] ^= change;
            }
        }
        for effect in &mut effects {
            *effect = followed_by_zero(*effect);
        }
    }
    false
}

/// What a difference of checksums becomes when one more byte follows.
fn followed_by_zero(mut difference: u32) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    for _ in 0..8 {
        difference = (difference >> 1) ^ (POLYNOMIAL & (difference & 1).wrapping_neg());
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::{crc, mend};

    #[test]
    fn one_changed_byte_is_found_wherever_it_is() {
        let whole: Vec<u8> = (0..200_u8).map(|byte| byte.wrapping_mul(37)).collect();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= at as u8 | 1;
            assert!(mend(&mut bytes, crc(&whole), &mut |found| found == whole));
            assert_eq!(bytes, whole);
        }
        let mut bytes = whole.clone();
        assert!(mend(&mut bytes, crc(&whole) ^ 0xff00, &mut |found| found == whole), "the sum itself");
        bytes[3] ^= 1;
        bytes[190] ^= 9;
        let two = bytes.clone();
        assert!(!mend(&mut bytes, crc(&whole), &mut |found| found == whole));
        assert_eq!(bytes, two, "as it was");
    }

    #[test]
    fn check_values_of_rfc_3720() {
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(b""), 0);
    }
}
