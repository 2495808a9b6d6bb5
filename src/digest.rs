//! Digests as text.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Returns the SHA-256 digest of the bytes as 64 hexadecimal digits.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the first `length` hexadecimal digits of the SHA-256 digest of the bytes, at most 64.
#[must_use]
pub fn short(bytes: impl AsRef<[u8]>, length: usize) -> String {
    let mut digits = sha256(bytes);
    digits.truncate(length);
    digits
}

/// Returns two hexadecimal digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), abc);
        assert_eq!(short("abc", 8), "ba7816bf");
        assert_eq!(short("abc", 100), abc);
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
