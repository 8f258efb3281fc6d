//! SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit authenticator for short inputs that we
//! make and check ourselves.

/// The key; it must be random and stay in memory.
#[derive(Clone, Copy)]
pub struct Key {
    k0: u64,
    k1: u64,
}

impl Key {
    /// A key from 16 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        let wide = u128::from_le_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the low half is taken")]
        let k0 = wide as u64;
        Self { k0, k1: (wide >> 64) as u64 }
    }

    /// The authenticator of the concatenated parts.
    #[must_use]
    pub fn of(&self, parts: &[&[u8]]) -> u64 {
        let mut state = State([
            self.k0 ^ 0x736f_6d65_7073_6575,
            self.k1 ^ 0x646f_7261_6e64_6f6d,
            self.k0 ^ 0x6c79_6765_6e65_7261,
            self.k1 ^ 0x7465_6462_7974_6573,
        ]);
        let (mut word, mut filled, mut length) = (0_u64, 0_u32, 0_u8);
        for byte in parts.iter().copied().flatten() {
            word |= u64::from(*byte) << (8 * filled);
            filled += 1;
            length = length.wrapping_add(1);
            if filled == 8 {
                state.absorb(word);
                (word, filled) = (0, 0);
            }
        }
        state.absorb(word | (u64::from(length) << 56));
        state.finish()
    }
}

/// The four lanes of SipHash.
struct State([u64; 4]);

impl State {
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.0.iter().fold(0, |all, lane| all ^ lane)
    }

    const fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.0 = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the input 00 01 02 … of the reference vectors of the paper's appendix A.
    #[test]
    fn the_reference_vector_is_met() {
        let key = Key::new(std::array::from_fn(|i| u8::try_from(i).unwrap()));
        let input: Vec<u8> = (0..15).collect();
        assert_eq!(key.of(&[&input]), 0xa129_ca61_49be_45e5);
        assert_eq!(key.of(&[&input[..4], &input[4..]]), 0xa129_ca61_49be_45e5);
        assert_eq!(key.of(&[]), 0x726f_db47_dd0e_0e31);
    }
}
