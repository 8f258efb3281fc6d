//! Sound that is made here: steady tones, ring-back, key tones, and a small endless music. Everything
//! follows from the number of samples already made, so equal calls give equal sound.

use std::f64::consts::TAU;

/// Samples in a second.
pub const SAMPLE_RATE_HZ: u32 = 8000;
/// The ring-back tone's frequency (ITU-T E.180).
pub const RINGBACK_HZ: u16 = 425;
/// How long each note of the music lasts.
pub const NOTE_MS: u32 = 320;
/// The melody: a pentatonic walk that ends where it can begin again.
pub const MUSIC_NOTES_HZ: [f64; 32] = [
    G4, A4, C5, E5, D5, C5, A4, C5, G4, C5, D5, G5, E5, D5, C5, D5, A4, C5, E5, G5, A5, G5, E5, D5, C5, D5,
    E5, C5, A4, G4, A4, C5,
];

const G4: f64 = 391.995;
const A4: f64 = 440.0;
const C5: f64 = 523.251;
const D5: f64 = 587.330;
const E5: f64 = 659.255;
const G5: f64 = 783.991;
const A5: f64 = 880.0;

/// Ring-back: one second on, four off.
const RINGBACK_ON_SAMPLES: u64 = 8000;
const RINGBACK_PERIOD_SAMPLES: u64 = 40_000;
const NOTE_SAMPLES: u64 = (NOTE_MS * SAMPLE_RATE_HZ / 1000) as u64;
/// Rise and fall of a note or tone burst, so that nothing clicks: 10 ms.
const EDGE_SAMPLES: f64 = 80.0;
/// Peak of a tone: about −10 dBm0.
const TONE_PEAK: f64 = 9000.0;
/// Peak of the melody; its bass is a third of it.
const MELODY_PEAK: f64 = 6000.0;

/// An endless generator of 8 kHz samples.
#[derive(Debug, Clone)]
pub struct Sound {
    kind: Kind,
    made: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tone(f64),
    Pair(f64, f64),
    Ringback,
    Music,
}

/// The two frequencies of a key (ITU-T Q.23); none for what is no key.
#[must_use]
pub fn dtmf_hz(digit: char) -> Option<(f64, f64)> {
    let at = "123A456B789C*0#D".find(digit.to_ascii_uppercase())?;
    Some(([697.0, 770.0, 852.0, 941.0][at / 4], [1209.0, 1336.0, 1477.0, 1633.0][at % 4]))
}

impl Sound {
    /// A steady tone.
    #[must_use]
    pub fn tone(hz: u16) -> Self {
        Self { kind: Kind::Tone(f64::from(hz)), made: 0 }
    }

    /// The ring-back cadence, beginning with the tone.
    #[must_use]
    pub const fn ringback() -> Self {
        Self { kind: Kind::Ringback, made: 0 }
    }

    /// The music.
    #[must_use]
    pub const fn music() -> Self {
        Self { kind: Kind::Music, made: 0 }
    }

    /// A key's pair of tones.
    #[must_use]
    pub fn dtmf(digit: char) -> Option<Self> {
        let (low, high) = dtmf_hz(digit)?;
        Some(Self { kind: Kind::Pair(low, high), made: 0 })
    }

    /// Makes the next samples.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = self.sample() as i16;
            self.made += 1;
        }
    }

    fn sample(&self) -> f64 {
        match self.kind {
            Kind::Tone(hz) => TONE_PEAK * wave(hz, self.made),
            Kind::Pair(low, high) => 0.5 * TONE_PEAK * (wave(low, self.made) + wave(high, self.made)),
            Kind::Ringback => {
                let at = self.made % RINGBACK_PERIOD_SAMPLES;
                if at >= RINGBACK_ON_SAMPLES {
                    return 0.0;
                }
                TONE_PEAK * edges(at, RINGBACK_ON_SAMPLES) * wave(f64::from(RINGBACK_HZ), at)
            }
            Kind::Music => music(self.made),
        }
    }
}

/// The melody with overtones that die away, over a soft bass note held for four.
fn music(made: u64) -> f64 {
    let (note, at) = (made / NOTE_SAMPLES, made % NOTE_SAMPLES);
    let hz = MUSIC_NOTES_HZ[(note % MUSIC_NOTES_HZ.len() as u64) as usize];
    let decay = (-(at as f64) / 2400.0).exp() * edges(at, NOTE_SAMPLES);
    let melody = wave(hz, at) + 0.15 * wave(2.0 * hz, at) * decay;
    let bar = NOTE_SAMPLES * 4;
    let root = [C5, A4, G4, D5][((made / bar) % 4) as usize] / 4.0;
    let bass = wave(root, made % bar) * edges(made % bar, bar) / 3.0;
    MELODY_PEAK * (melody * decay + bass)
}

/// A sine of unit height. The argument stays small: whole seconds are whole periods only for whole hertz.
fn wave(hz: f64, at: u64) -> f64 {
    let turns = hz * (at as f64) / f64::from(SAMPLE_RATE_HZ);
    (TAU * turns.fract()).sin()
}

/// Rises at the begin and falls at the end of a burst of `length` samples.
fn edges(at: u64, length: u64) -> f64 {
    let near = at.min(length - at) as f64;
    (near / EDGE_SAMPLES).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel::{dominant_hz, power_share};

    fn made(mut sound: Sound, skip: usize, count: usize) -> Vec<i16> {
        let mut samples = vec![0; skip + count];
        // In uneven pieces: the sound does not depend on how it is asked for.
        samples.chunks_mut(77).for_each(|piece| sound.fill(piece));
        samples.split_off(skip)
    }

    #[test]
    fn ringback_keeps_its_cadence() {
        for (from_ms, sounds) in [(100, true), (900, true), (1001, false), (4900, false), (5100, true)] {
            let samples = made(Sound::ringback(), from_ms * 8, 400);
            let share = power_share(&samples, f64::from(RINGBACK_HZ));
            assert_eq!(share > 0.9, sounds, "at {from_ms} ms: {share}");
            assert!(sounds || samples.iter().all(|&s| s == 0));
        }
    }

    #[test]
    fn keys_have_their_two_tones() {
        for (digit, low, high) in [('1', 697.0, 1209.0), ('D', 941.0, 1633.0), ('0', 941.0, 1336.0)] {
            let samples = made(Sound::dtmf(digit).expect("a key"), 0, 1600);
            for hz in [low, high] {
                assert!((power_share(&samples, hz) - 0.5).abs() < 0.1, "{digit} {hz}");
            }
        }
        assert!(Sound::dtmf('x').is_none());
    }

    #[test]
    fn the_music_plays_its_notes_and_never_clips() {
        let note = NOTE_SAMPLES as usize;
        for (at, hz) in MUSIC_NOTES_HZ.iter().enumerate() {
            let samples = made(Sound::music(), at * note, note);
            let (heard, _) = dominant_hz(&samples, 350, 1000).expect("sound");
            assert!((f64::from(heard) - hz).abs() < 6.0, "note {at}: {heard} for {hz}");
            assert!(samples.iter().all(|s| s.unsigned_abs() < 12_000));
        }
    }
}
