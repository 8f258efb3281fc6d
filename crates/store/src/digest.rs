//! A short digest by which two contents are compared: whether a replayed step, request or schema text is
//! the same as before. It guards against mistakes, not against forgers.

/// Two sums over words of eight bytes, each word folded by a wide product with an odd constant, as 32 hexadecimal
/// digits.
pub(crate) fn of(bytes: &[u8]) -> String {
    let fold = |sum: u64, word: u64, by: u64| {
        let product = u128::from(sum ^ word) * u128::from(by);
        // Both halves of the product, so that every bit counts; the turn tells equal words at different places apart.
        ((product >> 64) as u64 ^ product as u64).rotate_left(23)
    };
    let (mut a, mut b) = (0xcbf2_9ce4_8422_2325, bytes.len() as u64 ^ 0x6c62_272e_07bb_0142);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        a = fold(a, word, 0x9e37_79b9_7f4a_7c15);
        b = fold(b, !word, 0xd6e8_feb8_6659_fd93);
    }
    format!("{a:016x}{b:016x}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn different_contents_differ() {
        assert_eq!(super::of(b"a"), super::of(b"a"));
        assert_ne!(super::of(b"a"), super::of(b"b"));
        assert_eq!(super::of(b"").len(), 32);
        let long = [7; 64];
        assert_ne!(super::of(&long), super::of(&long[1..]));
        let all: std::collections::BTreeSet<String> = (0..64)
            .map(|at| {
                let mut changed = long;
                changed[at] ^= 1;
                super::of(&changed)
            })
            .collect();
        assert_eq!(all.len(), 64, "every place counts");
    }
}
