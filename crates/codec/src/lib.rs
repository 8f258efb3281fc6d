//! Audio as numbers: G.711, tones and generated music, measurement, WAV. No packets and no clock.

#![deny(missing_docs)]

mod g711;
mod goertzel;
mod sound;
mod wav;

pub use g711::{alaw_decode, alaw_encode, ulaw_decode, ulaw_encode};
pub use goertzel::{dominant_hz, power_share};
pub use sound::{MUSIC_NOTES_HZ, NOTE_MS, RINGBACK_HZ, SAMPLE_RATE_HZ, Sound, dtmf_hz};
pub use wav::{Wav, WavError, WavFormat};
