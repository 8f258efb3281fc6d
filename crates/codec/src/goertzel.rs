//! How much of a signal is one frequency (Goertzel's algorithm).

use std::f64::consts::TAU;

use crate::sound::SAMPLE_RATE_HZ;

/// The share of the signal's power at a frequency: near 1 for a pure tone, near 0 elsewhere; 0 for silence.
#[must_use]
pub fn power_share(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hz / f64::from(SAMPLE_RATE_HZ)).cos();
    let (mut before, mut last, mut total) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        (before, last) = (last, coefficient.mul_add(last, sample) - before);
        total += sample * sample;
    }
    if total == 0.0 {
        return 0.0;
    }
    let power = last.mul_add(last, before * before) - coefficient * last * before;
    2.0 * power / (total * samples.len() as f64)
}

/// The strongest frequency between two bounds in steps of one hertz, with its share of the power.
#[must_use]
pub fn dominant_hz(samples: &[i16], from_hz: u16, to_hz: u16) -> Option<(u16, f64)> {
    let shares = (from_hz..=to_hz).map(|hz| (hz, power_share(samples, f64::from(hz))));
    shares.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|best| best.1 > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::Sound;

    #[test]
    fn a_tone_is_found_where_it_is() {
        let mut samples = [0; 1600];
        Sound::tone(440).fill(&mut samples);
        assert!(power_share(&samples, 440.0) > 0.95);
        assert!(power_share(&samples, 880.0) < 0.01);
        assert_eq!(dominant_hz(&samples, 300, 1000).map(|d| d.0), Some(440));
        assert_eq!(dominant_hz(&[0; 80], 300, 1000), None);
    }
}
