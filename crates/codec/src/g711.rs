//! G.711 (ITU-T G.711): µ-law and A-law against 16-bit linear samples.

/// Added before µ-law compression so that the segments begin at powers of two.
const ULAW_BIAS: i32 = 0x84;
/// The largest magnitude that µ-law holds before the bias.
const ULAW_CLIP: i32 = 32_635;

const ULAW: [i16; 256] = table(false);
const ALAW: [i16; 256] = table(true);

/// A µ-law byte as a linear sample.
#[must_use]
pub const fn ulaw_decode(byte: u8) -> i16 {
    ULAW[byte as usize]
}

/// An A-law byte as a linear sample.
#[must_use]
pub const fn alaw_decode(byte: u8) -> i16 {
    ALAW[byte as usize]
}

/// A linear sample as a µ-law byte.
#[must_use]
pub fn ulaw_encode(sample: i16) -> u8 {
    let magnitude = i32::from(sample).abs().min(ULAW_CLIP) + ULAW_BIAS;
    // The highest bit lies between 7 and 14: bits above the segment's four.
    let segment = 24 - magnitude.leading_zeros();
    let step = (magnitude >> (segment + 3)) & 0x0f;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (segment << 4) as u8 | step as u8)
}

/// A linear sample as an A-law byte.
#[must_use]
pub fn alaw_encode(sample: i16) -> u8 {
    let linear = i32::from(sample) >> 3;
    let (magnitude, sign) = if linear >= 0 { (linear, 0xd5) } else { (-linear - 1, 0x55) };
    let segment = (32 - (magnitude >> 5).leading_zeros()).min(7);
    let step = if segment < 2 { magnitude >> 1 } else { magnitude >> segment } & 0x0f;
    ((segment << 4) as u8 | step as u8) ^ sign
}

const fn table(alaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = if alaw { alaw_expand(byte as u8) } else { ulaw_expand(byte as u8) };
        byte += 1;
    }
    table
}

const fn ulaw_expand(byte: u8) -> i16 {
    let bits = !byte as i32;
    let magnitude = ((((bits & 0x0f) << 3) + ULAW_BIAS) << ((bits & 0x70) >> 4)) - ULAW_BIAS;
    (if bits & 0x80 == 0 { magnitude } else { -magnitude }) as i16
}

const fn alaw_expand(byte: u8) -> i16 {
    let bits = (byte ^ 0x55) as i32;
    let segment = (bits & 0x70) >> 4;
    let step = (bits & 0x0f) << 4;
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    (if bits & 0x80 == 0 { -magnitude } else { magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_recommendation() {
        let ulaw = [(0xff, 0), (0x80, 32124), (0x00, -32124), (0xfe, 8), (0x7e, -8), (0xef, 132)];
        let alaw = [(0xd5, 8), (0x55, -8), (0xaa, 32256), (0x2a, -32256), (0xc5, 264)];
        for (byte, sample) in ulaw {
            assert_eq!(ulaw_decode(byte), sample, "{byte:x}");
        }
        for (byte, sample) in alaw {
            assert_eq!(alaw_decode(byte), sample, "{byte:x}");
        }
    }

    #[test]
    fn every_byte_survives_and_every_sample_lands_on_its_nearest_level() {
        for byte in 0..=255u8 {
            assert_eq!(ulaw_decode(ulaw_encode(ulaw_decode(byte))), ulaw_decode(byte), "µ {byte:x}");
            assert_eq!(alaw_encode(alaw_decode(byte)), byte, "A {byte:x}");
        }
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(sample).abs();
            let most = (magnitude / 16).max(16);
            let error = |decoded: i16| (i32::from(decoded) - i32::from(sample)).abs();
            let clipped = if magnitude > 32_124 { 700 } else { 0 };
            assert!(error(ulaw_decode(ulaw_encode(sample))) <= most + clipped, "µ {sample}");
            assert!(error(alaw_decode(alaw_encode(sample))) <= most + clipped, "A {sample}");
        }
    }
}
