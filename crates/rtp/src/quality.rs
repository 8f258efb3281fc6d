//! How a listener would judge a stream: the mean opinion score by the simplified E-model of ITU-T G.107.
//!
//! `R = 93.2 − Id − Ie,eff`: 93.2 is what the model's default values leave (G.107 section 7), `Ie,eff` the codec's
//! impairment under loss (section 7.5, losses independent of each other), `Id` that of the delay in the linear form of
//! Cole and Rosenbluth ("Voice over IP performance monitoring", 2001). R becomes a score by G.107 annex B.
//!
//! What only the ends know is assumed: packets of 20 ms, 20 ms on the way, and a jitter buffer of twice the jitter.

/// Packets that must be expected before a score means anything: a second of the usual ones.
const MIN_PACKETS: u64 = 50;
/// What the model's defaults leave of R.
const R_DEFAULT: f64 = 93.2;
/// Packetisation and the way through the network, milliseconds.
const FIXED_DELAY_MS: f64 = 40.0;
/// The least that a jitter buffer holds, milliseconds.
const MIN_BUFFER_MS: f64 = 40.0;
/// From this delay on, milliseconds, people begin to interrupt each other.
const TALK_DELAY_MS: f64 = 177.3;
/// Clock units in a millisecond of a telephone codec.
const UNITS_PER_MS: f64 = 8.0;

/// What a codec is to the model.
struct Traits {
    /// Equipment impairment without loss.
    ie: f64,
    /// Packet-loss robustness.
    bpl: f64,
    /// Its RTP clock runs at 8 kHz, in which jitter is measured here.
    telephone_clock: bool,
}

/// ITU-T G.113 appendix I where it has the codec, with loss concealment as phones do it. Assumed, on the model's
/// narrow-band scale: G.722 like G.711; the robustness of G.726 and GSM; both values of iLBC, Opus and all others.
fn traits(codec: &str) -> Traits {
    let (ie, bpl, telephone_clock) = match codec.to_ascii_uppercase().as_str() {
        "PCMU" | "PCMA" | "G722" => (0.0, 25.1, true),
        "G729" => (11.0, 19.0, true),
        "G723" => (15.0, 16.1, true),
        "G726-32" => (7.0, 25.1, true),
        "GSM-EFR" | "AMR" => (5.0, 10.0, true),
        "GSM" => (20.0, 10.0, true),
        "ILBC" => (11.0, 32.0, true),
        "OPUS" => (5.0, 20.0, false),
        _ => (10.0, 10.0, false),
    };
    Traits { ie, bpl, telephone_clock }
}

/// The mean opinion score of a stream, in hundredths from 100 to 450, by its codec's encoding name.
#[must_use]
pub fn mos(codec: &str, loss_percent: f64, jitter_ms: f64) -> u16 {
    let Traits { ie, bpl, .. } = traits(codec);
    let loss = loss_percent.clamp(0.0, 100.0);
    let impairment = ie + (95.0 - ie) * loss / (loss + bpl);
    let delay_ms = FIXED_DELAY_MS + (2.0 * jitter_ms).max(MIN_BUFFER_MS);
    let delay = 0.024f64.mul_add(delay_ms, 0.11 * (delay_ms - TALK_DELAY_MS).max(0.0));
    let r = (R_DEFAULT - impairment - delay).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
    // Below about R = 6.5 the polynomial dips under the scale.
    (score.clamp(1.0, 4.5) * 100.0).round() as u16
}

/// The score of a stream by what was counted of it, jitter in units of 8 kHz; none while that is too little. Of codecs
/// with another clock the jitter is not known.
#[must_use]
pub fn mos_of(codec: &str, received: u64, lost: u64, jitter: u32) -> Option<u16> {
    let expected = received.saturating_add(lost);
    if expected < MIN_PACKETS {
        return None;
    }
    let loss_percent = lost as f64 * 100.0 / expected as f64;
    let jitter_ms = if traits(codec).telephone_clock { f64::from(jitter) / UNITS_PER_MS } else { 0.0 };
    Some(mos(codec, loss_percent, jitter_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        // R by the recommendation's formulas, then the score that annex B gives it.
        for (codec, loss, jitter, score) in [
            ("PCMA", 0.0, 0.0, 437),   // 91.28
            ("pcmu", 0.0, 0.0, 437),   // names are compared without case
            ("G722", 0.0, 0.0, 437),   // 91.28
            ("PCMA", 1.0, 0.0, 428),   // 87.64
            ("PCMA", 10.0, 0.0, 332),  // 64.21
            ("PCMA", 0.0, 100.0, 404), // 80.54: a delay of 240 ms
            ("G729", 0.0, 0.0, 403),   // 80.28
            ("GSM", 0.0, 0.0, 366),    // 71.28
            ("opus", 0.0, 0.0, 424),   // 86.28
            ("iLBC", 0.0, 0.0, 403),   // 80.28
            ("speex", 0.0, 0.0, 407),  // 81.28
            ("PCMA", 100.0, 0.0, 113), // 15.34
            ("PCMA", 100.0, 5000.0, 100),
            ("PCMA", 500.0, -3.0, 113),
        ] {
            assert_eq!(mos(codec, loss, jitter), score, "{codec} {loss} % {jitter} ms");
        }
    }

    #[test]
    fn loss_and_jitter_never_help() {
        for codec in ["PCMU", "G729", "GSM", "iLBC", "opus", "x"] {
            let by_loss: Vec<u16> = (0..=100).map(|loss| mos(codec, f64::from(loss), 0.0)).collect();
            let by_jitter: Vec<u16> = (0..=500).map(|jitter| mos(codec, 0.0, f64::from(jitter))).collect();
            for scores in [by_loss, by_jitter] {
                assert!(scores.is_sorted_by(|one, next| one >= next), "{codec} {scores:?}");
                assert!(scores.iter().all(|score| (100..=450).contains(score)), "{codec} {scores:?}");
            }
        }
    }

    #[test]
    fn too_little_is_no_score() {
        for (codec, received, lost, jitter, score) in [
            ("PCMA", 0, 0, 0, None),
            ("PCMA", 49, 0, 0, None),
            ("PCMA", 50, 0, 0, Some(437)),
            ("PCMA", 90, 10, 0, Some(332)),
            ("PCMA", 100, 0, 800, Some(404)),
            ("opus", 100, 0, 800, Some(424)),
            ("PCMA", u64::MAX, u64::MAX, u32::MAX, Some(100)),
        ] {
            assert_eq!(mos_of(codec, received, lost, jitter), score, "{codec} {received} {lost} {jitter}");
        }
    }
}
