//! What a lookup found, with all that is known of why.
//!
//! ```json
//! {"value":"http://a.example/x","normal":"a.example/x","kind":"url","verdict":"listed","matches":[
//!    {"indicator":"a.example","kind":"domain","by":"host","supplier":"Feed","confidence":50,"context":{},"tags":["C2"],
//!     "updated":"2026-01-31T18:00:00Z","expires":"2026-02-28T18:00:00Z"}],
//!  "allowed_by":[],"passed_over":[{"indicator":"a.example/x","kind":"url","by":"exact",...,"why":"expired"}]}
//! {"value":"b c","reason":"invalid-indicator","hint":"Invalid indicator format","verdict":"unknown","matches":[],"allowed_by":[]}
//! ```
//!
//! A line for each value; white space is for this picture only. `passed_over` is there only if there is any.

use sluice_ingest::{AnswerText, IngestError, Match, Matches, Render, Standing};

use super::times::append_times;
use crate::api::cybertrace::render::{append_string, string_bytes_max};

const VALUE: &[u8] = b"{\"value\":";
const NORMAL: &[u8] = b",\"normal\":";
const KIND: &[u8] = b",\"kind\":\"";

/// The rest of a value of which nothing is known.
const UNKNOWN: &[u8] = b",\"verdict\":\"unknown\",\"matches\":[],\"allowed_by\":[]}\n";

/// What comes between the lists of a value.
const ALLOWED_BY: &[u8] = b"],\"allowed_by\":[";
const PASSED_OVER: &[u8] = b"],\"passed_over\":[";

/// The most that an element of a list has beside the supplier's name, the indicator, the context and tags.
const MATCH_BYTES: usize = 256;

/// Verdicts on a value.
pub(super) const VERDICTS: [&str; 3] = ["listed", "allowed", "unknown"];

/// Words for why an indicator does not count.
pub(super) const REASONS: [&str; 4] = ["allowed", "not-inherited", "disabled", "expired"];

/// The answer of a lookup of `/v1`.
pub(super) struct Explanation;

impl Render for Explanation {
    const CLOSING: &'static [u8] = b"";

    const EMPTY_RESULT_BYTES: usize = 0;

    const OBJECT_BYTES: usize = VALUE.len() + NORMAL.len() + KIND.len() + "sha256".len() + UNKNOWN.len();

    const OBJECTS_ARE_RESULTS: bool = true;

    fn begin_object(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(VALUE);
    }

    fn end_object(&self, read: Result<(&str, &str), (&str, &str)>, text: &mut Vec<u8>) {
        match read {
            Ok((normal, kind)) => {
                text.extend_from_slice(NORMAL);
                append_string(normal, text);
                text.extend_from_slice(KIND);
                text.extend_from_slice(kind.as_bytes());
                text.push(b'"');
            }
            Err((reason, hint)) => {
                text.extend_from_slice(b",\"reason\":\"");
                text.extend_from_slice(reason.as_bytes());
                text.extend_from_slice(b"\",\"hint\":");
                append_string(hint, text);
            }
        }
        text.extend_from_slice(UNKNOWN);
    }

    fn append_result(
        &self,
        _index: u64,
        object: &[u8],
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError> {
        if matches.is_bare() {
            return append(object, text);
        }
        append(object.strip_suffix(UNKNOWN).unwrap_or(object), text)?;
        let [listed, allowed, unknown] = VERDICTS;
        let verdict = match (matches.is_empty(), matches.is_allowed()) {
            (false, _) => listed,
            (true, true) => allowed,
            (true, false) => unknown,
        };
        let answer = text.room(MATCH_BYTES)?;
        answer.extend_from_slice(b",\"verdict\":\"");
        answer.extend_from_slice(verdict.as_bytes());
        answer.extend_from_slice(b"\",\"matches\":[");
        let mut separator: &[u8] = b"";
        while let Some(one) = matches.next_match() {
            append_match(separator, &one, text)?;
            separator = b",";
        }
        append(ALLOWED_BY, text)?;
        separator = b"";
        let mut is_passed_over = false;
        while let Some(one) = matches.next_other() {
            if one.standing != Standing::Allows && !is_passed_over {
                append(PASSED_OVER, text)?;
                (separator, is_passed_over) = (b"", true);
            }
            append_match(separator, &one, text)?;
            separator = b",";
        }
        append(b"]}\n", text)
    }
}

fn append(bytes: &[u8], text: &mut AnswerText) -> Result<(), IngestError> {
    text.room(bytes.len())?.extend_from_slice(bytes);
    Ok(())
}

fn append_match(separator: &[u8], one: &Match<'_>, text: &mut AnswerText) -> Result<(), IngestError> {
    let context = if one.context.is_empty() { b"{}" } else { one.context };
    let answer =
        text.room(MATCH_BYTES + one.supplier.len() + string_bytes_max(one.indicator) + context.len())?;
    answer.extend_from_slice(separator);
    answer.extend_from_slice(b"{\"indicator\":");
    append_string(one.indicator, answer);
    answer.extend_from_slice(b",\"kind\":\"");
    answer.extend_from_slice(one.kind_word.as_bytes());
    answer.extend_from_slice(b"\",\"by\":\"");
    answer.extend_from_slice(one.by.as_str().as_bytes());
    // Names of suppliers are plain ASCII without quotes.
    answer.extend_from_slice(b"\",\"supplier\":\"");
    answer.extend_from_slice(one.supplier.as_bytes());
    answer.extend_from_slice(b"\",\"confidence\":");
    // Writing to memory does not fail.
    drop(serde_json::to_writer(&mut *answer, &one.confidence.get()));
    answer.extend_from_slice(b",\"context\":");
    answer.extend_from_slice(context);
    answer.extend_from_slice(b",\"tags\":[");
    let mut before = "";
    for tag in one.tags() {
        // So are those of tags.
        let answer = text.room(tag.len() + before.len() + 2)?;
        answer.extend_from_slice(before.as_bytes());
        answer.push(b'"');
        answer.extend_from_slice(tag.as_bytes());
        answer.push(b'"');
        before = ",";
    }
    let answer = text.room(MATCH_BYTES)?;
    answer.extend_from_slice(b"],");
    append_times(one.updated_seconds, one.expires_seconds, answer);
    if let Some(why) = why(one.standing) {
        answer.extend_from_slice(b",\"why\":\"");
        answer.extend_from_slice(why.as_bytes());
        answer.push(b'"');
    }
    answer.push(b'}');
    Ok(())
}

/// Why an indicator does not count; `None` if it does, or allows.
fn why(standing: Standing) -> Option<&'static str> {
    let [allowed, not_inherited, disabled, expired] = REASONS;
    match standing {
        Standing::Counts | Standing::Allows => None,
        Standing::Allowed => Some(allowed),
        Standing::NotInherited => Some(not_inherited),
        Standing::Disabled => Some(disabled),
        Standing::Expired => Some(expired),
    }
}
