//! WAV files in memory: 16-bit PCM and G.711, one channel or more. Other formats are refused.

use thiserror::Error;

use crate::g711::{alaw_decode, ulaw_decode};

/// How the samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WavFormat {
    /// 16-bit linear, format 1.
    Pcm16,
    /// G.711 A-law, format 6.
    Alaw,
    /// G.711 µ-law, format 7.
    Ulaw,
}

/// A sound file: its samples as linear values, channels interleaved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples in a second, per channel.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// How the file has them.
    pub format: WavFormat,
    /// Linear samples.
    pub samples: Vec<i16>,
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WavError {
    /// No RIFF/WAVE header.
    #[error("not a WAV file")]
    NotWav,
    /// A format that is not read here.
    #[error("WAV format {tag} with {bits} bits is not supported")]
    Format {
        /// The format tag.
        tag: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// A chunk is missing or shorter than it says.
    #[error("chunk {0} is missing or cut off")]
    Chunk(&'static str),
}

impl Wav {
    /// Reads a file. Unknown chunks are passed over; a data chunk that claims more than there is (a recorder
    /// that was cut off) is read as far as it goes.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn parse(file: &[u8]) -> Result<Self, WavError> {
        let riff = file.get(..4) == Some(b"RIFF") && file.get(8..12) == Some(b"WAVE");
        let mut rest = file.get(12..).filter(|_| riff).ok_or(WavError::NotWav)?;
        let mut about = None;
        while let Some((id, size)) = chunk(rest) {
            let body = &rest[8..];
            let whole = &body[..size.min(body.len())];
            match id {
                b"fmt " => about = Some(Self::about(whole)?),
                b"data" => {
                    let wav = about.ok_or(WavError::Chunk("fmt"))?;
                    return Ok(wav.with_data(whole));
                }
                _ => {}
            }
            rest = body.get(size.saturating_add(size & 1)..).unwrap_or_default();
        }
        Err(WavError::Chunk("data"))
    }

    /// Writes a file: linear samples for PCM; for G.711 they are encoded.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let (tag, bytes) = match self.format {
            WavFormat::Pcm16 => (1u16, 2u16),
            WavFormat::Alaw => (6, 1),
            WavFormat::Ulaw => (7, 1),
        };
        let data: Vec<u8> = match self.format {
            WavFormat::Pcm16 => self.samples.iter().flat_map(|s| s.to_le_bytes()).collect(),
            WavFormat::Alaw => self.samples.iter().map(|&s| crate::g711::alaw_encode(s)).collect(),
            WavFormat::Ulaw => self.samples.iter().map(|&s| crate::g711::ulaw_encode(s)).collect(),
        };
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX - 36);
        let frame = self.channels.saturating_mul(bytes);
        let mut out = Vec::with_capacity(44 + data.len());
        out.extend_from_slice(b"RIFF");
        out.extend_from_slice(&(size + 36).to_le_bytes());
        out.extend_from_slice(b"WAVEfmt \x10\0\0\0");
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&self.channels.to_le_bytes());
        out.extend_from_slice(&self.rate_hz.to_le_bytes());
        out.extend_from_slice(&self.rate_hz.saturating_mul(u32::from(frame)).to_le_bytes());
        out.extend_from_slice(&frame.to_le_bytes());
        out.extend_from_slice(&(bytes * 8).to_le_bytes());
        out.extend_from_slice(b"data");
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&data);
        out
    }

    fn about(chunk: &[u8]) -> Result<Self, WavError> {
        let short = |at: usize| chunk.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let [tag, channels, low, high, bits] =
            [0, 2, 4, 6, 14].map(|at| short(at).ok_or(WavError::Chunk("fmt")));
        let (mut tag, bits) = (tag?, bits?);
        if tag == 0xfffe {
            // The extensible form: the format's number begins its sub-format.
            tag = short(24).ok_or(WavError::Chunk("fmt"))?;
        }
        let format = match (tag, bits) {
            (1, 16) => WavFormat::Pcm16,
            (6, 8) => WavFormat::Alaw,
            (7, 8) => WavFormat::Ulaw,
            (tag, bits) => return Err(WavError::Format { tag, bits }),
        };
        let rate_hz = u32::from(high?) << 16 | u32::from(low?);
        Ok(Self { rate_hz, channels: channels?.max(1), format, samples: vec![] })
    }

    fn with_data(mut self, data: &[u8]) -> Self {
        self.samples = match self.format {
            WavFormat::Pcm16 => data.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
            WavFormat::Alaw => data.iter().map(|&b| alaw_decode(b)).collect(),
            WavFormat::Ulaw => data.iter().map(|&b| ulaw_decode(b)).collect(),
        };
        self
    }
}

/// Name and size of the chunk that `rest` begins with.
fn chunk(rest: &[u8]) -> Option<(&[u8], usize)> {
    let size = rest.get(4..8)?;
    let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]);
    Some((&rest[..4], usize::try_from(size).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_as_written() {
        for format in [WavFormat::Pcm16, WavFormat::Alaw, WavFormat::Ulaw] {
            let wav = Wav { rate_hz: 8000, channels: 1, format, samples: vec![8, -8, 1000, -32256] };
            let read = Wav::parse(&wav.write()).expect("our own file");
            assert_eq!((read.rate_hz, read.channels, read.format), (8000, 1, format));
            assert_eq!(read.samples.len(), 4);
            assert_eq!(Wav::parse(&read.write()), Ok(read));
        }
    }

    #[test]
    fn foreign_and_cut_files_are_told_or_read_as_far_as_they_go() {
        let wav = Wav { rate_hz: 8000, channels: 1, format: WavFormat::Pcm16, samples: vec![1, 2, 3] };
        let mut file = wav.write();
        for cut in 0..file.len() {
            let _ = Wav::parse(&file[..cut]);
        }
        assert_eq!(Wav::parse(&file[..48]).map(|w| w.samples), Ok(vec![1, 2]));
        assert_eq!(Wav::parse(b"RIFX"), Err(WavError::NotWav));
        assert_eq!(Wav::parse(&file[..36]), Err(WavError::Chunk("data")));
        file.splice(36..36, *b"LIST\x01\0\0\0x\0");
        assert_eq!(Wav::parse(&file).map(|w| w.samples), Ok(vec![1, 2, 3]));
        file[20] = 3;
        assert_eq!(Wav::parse(&file), Err(WavError::Format { tag: 3, bits: 16 }));
    }
}
