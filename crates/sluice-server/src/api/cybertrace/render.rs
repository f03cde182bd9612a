//! What a lookup found, as CyberTrace tells it.
//!
//! ```json
//! [{"object":"a.example/x","result":"detected","categories":[
//!    {"category":"Feed_URL","detected_indicator":"a.example","context":{}}]},
//!  {"object":"b.example","result":"not detected","categories":[]}]
//! ```
//!
//! A category for each match, in the order in which ingest ranks them. White space is for this picture only.

use sluice_ingest::{AnswerText, IngestError, Match, Matches, Render};
use sluice_model::IndicatorKind;

const FIRST_OPENING: &[u8] = b"[{\"object\":";
const LATER_OPENING: &[u8] = b",{\"object\":";

/// The rest of a value without a match.
const NOT_DETECTED: &[u8] = b",\"result\":\"not detected\",\"categories\":[]}";

/// What comes before the categories of a value with a match.
const DETECTED: &[u8] = b",\"result\":\"detected\",\"categories\":[";

/// The most that a category has beside the supplier's name, the indicator and the context.
const CATEGORY_BYTES: usize = 64;

/// The most by which a byte of an indicator becomes longer as JSON: `\u0000` for one byte.
const ESCAPE_BYTES: usize = 5;

/// The answer of `lookup` in the API of CyberTrace.
pub(super) struct CyberTrace;

impl Render for CyberTrace {
    const CLOSING: &'static [u8] = b"]";

    const EMPTY_RESULT_BYTES: usize = LATER_OPENING.len() + NOT_DETECTED.len();

    fn append_result(
        &self,
        index: u64,
        object: &[u8],
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError> {
        let opening = if index == 0 { FIRST_OPENING } else { LATER_OPENING };
        let answer = text.room(opening.len() + object.len())?;
        answer.extend_from_slice(opening);
        answer.extend_from_slice(object);
        if matches.is_empty() {
            text.room(NOT_DETECTED.len())?.extend_from_slice(NOT_DETECTED);
            return Ok(());
        }
        text.room(DETECTED.len())?.extend_from_slice(DETECTED);
        let mut opening: &[u8] = b"{\"category\":\"";
        while let Some(one) = matches.next_match() {
            append_category(opening, &one, text)?;
            opening = b",{\"category\":\"";
        }
        text.room(2)?.extend_from_slice(b"]}");
        Ok(())
    }
}

fn append_category(opening: &[u8], one: &Match<'_>, text: &mut AnswerText) -> Result<(), IngestError> {
    let context = if one.context.is_empty() { b"{}" } else { one.context };
    let indicator_bytes = string_bytes_max(one.indicator);
    let answer = text.room(CATEGORY_BYTES + one.supplier.len() + indicator_bytes + context.len())?;
    answer.extend_from_slice(opening);
    // Names of suppliers are plain ASCII without quotes.
    answer.extend_from_slice(one.supplier.as_bytes());
    answer.push(b'_');
    answer.extend_from_slice(suffix(one.kind).as_bytes());
    answer.extend_from_slice(b"\",\"detected_indicator\":");
    append_string(one.indicator, answer);
    answer.extend_from_slice(b",\"context\":");
    answer.extend_from_slice(context);
    answer.push(b'}');
    Ok(())
}

/// What follows the supplier's name and `_` in a category.
fn suffix(kind: IndicatorKind) -> &'static str {
    match kind {
        IndicatorKind::Md5 => "Hash_MD5",
        IndicatorKind::Sha1 => "Hash_SHA1",
        IndicatorKind::Sha256 => "Hash_SHA256",
        IndicatorKind::Ip | IndicatorKind::Network => "IP",
        IndicatorKind::Url => "URL",
    }
}

/// The most that `text` comes to as a JSON string, quotes aside.
pub(in crate::api) fn string_bytes_max(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
    text.len() + ESCAPE_BYTES * escaped
}

/// Appends `text` as a JSON string.
pub(in crate::api) fn append_string(text: &str, json: &mut Vec<u8>) {
    // All of it is looked at, because that takes whole vectors of bytes at a time; most texts have nothing to escape.
    if text.bytes().fold(true, |are_plain, byte| are_plain & !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
        return;
    }
    let before = json.len();
    if serde_json::to_writer(&mut *json, text).is_err() {
        // Writing a string to memory does not fail; if it ever did, the answer would still be JSON.
        json.truncate(before);
        json.extend_from_slice(b"\"\"");
    }
}
