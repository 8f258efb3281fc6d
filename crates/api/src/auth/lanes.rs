//! MD5 (RFC 1321) of four blocks side by side. One block after the other waits for its own steps, and of one `authmd5`
//! every formula is computed; four at a time cost little more than one.

#![allow(unsafe_code)]

/// Blocks that are hashed together.
pub const LANES: usize = 4;
/// Bytes of a block.
pub const BLOCK: usize = 64;

/// The states after one block each.
pub fn compress(states: &mut [[u32; 4]; LANES], blocks: &[[u8; BLOCK]; LANES]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of every processor of this architecture.
    unsafe {
        sse2::compress(states, blocks);
    }
    #[cfg(not(target_arch = "x86_64"))]
    for (state, block) in states.iter_mut().zip(blocks) {
        md5::block_api::compress(state, std::slice::from_ref(block));
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_and_si128, _mm_andnot_si128, _mm_cvtsi128_si32, _mm_or_si128,
        _mm_set_epi32, _mm_set1_epi32, _mm_shuffle_epi32, _mm_slli_epi32, _mm_srli_epi32, _mm_xor_si128,
    };

    use super::{BLOCK, LANES};

    /// RFC 1321 section 3.4, each word of four states in one register.
    #[allow(clippy::too_many_lines, reason = "sixty-four steps, as the standard lists them")]
    #[target_feature(enable = "sse2")]
    pub fn compress(states: &mut [[u32; 4]; LANES], blocks: &[[u8; BLOCK]; LANES]) {
        let word = |at: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|lane: usize| {
                let bytes = &blocks[lane];
                i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
            });
            _mm_set_epi32(d, c, b, a)
        };
        let x: [__m128i; BLOCK / 4] = std::array::from_fn(|index| word(index * 4));
        let start = [0, 1, 2, 3].map(|word: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|lane: usize| states[lane][word].cast_signed());
            _mm_set_epi32(d, c, b, a)
        });
        let ones = _mm_set1_epi32(-1);
        let f = |b, c, d| _mm_or_si128(_mm_and_si128(b, c), _mm_andnot_si128(b, d));
        let g = |b, c, d| _mm_or_si128(_mm_and_si128(d, b), _mm_andnot_si128(d, c));
        let h = |b, c, d| _mm_xor_si128(_mm_xor_si128(b, c), d);
        let i = |b, c, d| _mm_xor_si128(c, _mm_or_si128(b, _mm_xor_si128(d, ones)));
        let [mut a, mut b, mut c, mut d] = start;
        macro_rules! step {
            ($mix:ident, $a:ident, $b:ident, $c:ident, $d:ident, $word:literal, $turn:literal, $add:literal) => {
                let added =
                    _mm_add_epi32(_mm_add_epi32($a, x[$word]), _mm_set1_epi32(u32::cast_signed($add)));
                let sum = _mm_add_epi32(added, $mix($b, $c, $d));
                let turned =
                    _mm_or_si128(_mm_slli_epi32::<$turn>(sum), _mm_srli_epi32::<{ 32 - $turn }>(sum));
                $a = _mm_add_epi32(turned, $b);
            };
        }
        step!(f, a, b, c, d, 0, 7, 0xd76aa478);
        step!(f, d, a, b, c, 1, 12, 0xe8c7b756);
        step!(f, c, d, a, b, 2, 17, 0x242070db);
        step!(f, b, c, d, a, 3, 22, 0xc1bdceee);
        step!(f, a, b, c, d, 4, 7, 0xf57c0faf);
        step!(f, d, a, b, c, 5, 12, 0x4787c62a);
        step!(f, c, d, a, b, 6, 17, 0xa8304613);
        step!(f, b, c, d, a, 7, 22, 0xfd469501);
        step!(f, a, b, c, d, 8, 7, 0x698098d8);
        step!(f, d, a, b, c, 9, 12, 0x8b44f7af);
        step!(f, c, d, a, b, 10, 17, 0xffff5bb1);
        step!(f, b, c, d, a, 11, 22, 0x895cd7be);
        step!(f, a, b, c, d, 12, 7, 0x6b901122);
        step!(f, d, a, b, c, 13, 12, 0xfd987193);
        step!(f, c, d, a, b, 14, 17, 0xa679438e);
        step!(f, b, c, d, a, 15, 22, 0x49b40821);
        step!(g, a, b, c, d, 1, 5, 0xf61e2562);
        step!(g, d, a, b, c, 6, 9, 0xc040b340);
        step!(g, c, d, a, b, 11, 14, 0x265e5a51);
        step!(g, b, c, d, a, 0, 20, 0xe9b6c7aa);
        step!(g, a, b, c, d, 5, 5, 0xd62f105d);
        step!(g, d, a, b, c, 10, 9, 0x02441453);
        step!(g, c, d, a, b, 15, 14, 0xd8a1e681);
        step!(g, b, c, d, a, 4, 20, 0xe7d3fbc8);
        step!(g, a, b, c, d, 9, 5, 0x21e1cde6);
        step!(g, d, a, b, c, 14, 9, 0xc33707d6);
        step!(g, c, d, a, b, 3, 14, 0xf4d50d87);
        step!(g, b, c, d, a, 8, 20, 0x455a14ed);
        step!(g, a, b, c, d, 13, 5, 0xa9e3e905);
        step!(g, d, a, b, c, 2, 9, 0xfcefa3f8);
        step!(g, c, d, a, b, 7, 14, 0x676f02d9);
        step!(g, b, c, d, a, 12, 20, 0x8d2a4c8a);
        step!(h, a, b, c, d, 5, 4, 0xfffa3942);
        step!(h, d, a, b, c, 8, 11, 0x8771f681);
        step!(h, c, d, a, b, 11, 16, 0x6d9d6122);
        step!(h, b, c, d, a, 14, 23, 0xfde5380c);
        step!(h, a, b, c, d, 1, 4, 0xa4beea44);
        step!(h, d, a, b, c, 4, 11, 0x4bdecfa9);
        step!(h, c, d, a, b, 7, 16, 0xf6bb4b60);
        step!(h, b, c, d, a, 10, 23, 0xbebfbc70);
        step!(h, a, b, c, d, 13, 4, 0x289b7ec6);
        step!(h, d, a, b, c, 0, 11, 0xeaa127fa);
        step!(h, c, d, a, b, 3, 16, 0xd4ef3085);
        step!(h, b, c, d, a, 6, 23, 0x04881d05);
        step!(h, a, b, c, d, 9, 4, 0xd9d4d039);
        step!(h, d, a, b, c, 12, 11, 0xe6db99e5);
        step!(h, c, d, a, b, 15, 16, 0x1fa27cf8);
        step!(h, b, c, d, a, 2, 23, 0xc4ac5665);
        step!(i, a, b, c, d, 0, 6, 0xf4292244);
        step!(i, d, a, b, c, 7, 10, 0x432aff97);
        step!(i, c, d, a, b, 14, 15, 0xab9423a7);
        step!(i, b, c, d, a, 5, 21, 0xfc93a039);
        step!(i, a, b, c, d, 12, 6, 0x655b59c3);
        step!(i, d, a, b, c, 3, 10, 0x8f0ccc92);
        step!(i, c, d, a, b, 10, 15, 0xffeff47d);
        step!(i, b, c, d, a, 1, 21, 0x85845dd1);
        step!(i, a, b, c, d, 8, 6, 0x6fa87e4f);
        step!(i, d, a, b, c, 15, 10, 0xfe2ce6e0);
        step!(i, c, d, a, b, 6, 15, 0xa3014314);
        step!(i, b, c, d, a, 13, 21, 0x4e0811a1);
        step!(i, a, b, c, d, 4, 6, 0xf7537e82);
        step!(i, d, a, b, c, 11, 10, 0xbd3af235);
        step!(i, c, d, a, b, 2, 15, 0x2ad7d2bb);
        step!(i, b, c, d, a, 9, 21, 0xeb86d391);
        for (word, (start, end)) in start.into_iter().zip([a, b, c, d]).enumerate() {
            let sum = _mm_add_epi32(start, end);
            states[0][word] = _mm_cvtsi128_si32(sum).cast_unsigned();
            states[1][word] = _mm_cvtsi128_si32(_mm_shuffle_epi32::<1>(sum)).cast_unsigned();
            states[2][word] = _mm_cvtsi128_si32(_mm_shuffle_epi32::<2>(sum)).cast_unsigned();
            states[3][word] = _mm_cvtsi128_si32(_mm_shuffle_epi32::<3>(sum)).cast_unsigned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_blocks_are_hashed_as_one_by_one() {
        for round in 0..64_u8 {
            let blocks: [[u8; BLOCK]; LANES] = [1, 3, 5, 7].map(|odd: u8| {
                std::array::from_fn(|at| u8::try_from(at).unwrap_or(0).wrapping_mul(odd).wrapping_add(round))
            });
            let start =
                [0_u32, 1, 2, 3].map(|lane| [lane, !lane, lane << 30, 0x8000_0000 | u32::from(round)]);
            let (mut together, mut alone) = (start, start);
            compress(&mut together, &blocks);
            for (state, block) in alone.iter_mut().zip(&blocks) {
                md5::block_api::compress(state, std::slice::from_ref(block));
            }
            assert_eq!(together, alone);
        }
    }
}
