//! The forms in which scripted clients send imports, and what a client has then.
//!
//! In: rows, each with a context or none. Out: a body, and the line of each row. A group of rows may be so long that a step of
//! the daemon ends in it, between any two of its rows: what makes it long is what is no row, or what a row has beside. Not
//! every form has room for any context: [`ImportForm::told`] says which one a row has after it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{dice::Dice, import_form::ImportForm, script::Change};

/// Pieces of what makes a group of rows long: together longer than a step of 16 MiB.
const PIECES: usize = 7;
/// Bytes of each of them, a little less than a row may have.
const PIECE_BYTES: usize = 3 << 20;

/// Types of MISP, by the kinds of keys.
const MISP_TYPES: [&str; KINDS] = ["md5", "sha256", "sha1", "url", "domain", "ip-dst"];
/// Object paths of STIX.
const STIX_PATHS: [&str; KINDS] = [
    "file:hashes.MD5",
    "file:hashes.'SHA-256'",
    "file:hashes.'SHA-1'",
    "url:value",
    "domain-name:value",
    "ipv6-addr:value",
];
/// Kinds of keys.
pub(super) const KINDS: usize = 6;

/// A body on its way.
pub(super) struct Body {
    form: ImportForm,
    pub(super) text: String,
    lines: u64,
    /// That of each row that is stored.
    pub(super) row_lines: Vec<u64>,
}

impl ImportForm {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let rare = [Self::Csv, Self::Lines, Self::Stix, Self::Misp];
        let forms = [[Self::Array; 4], [Self::Ndjson; 4], rare];
        forms[dice.index(forms.len())][dice.index(rare.len())]
    }

    /// What is done to a row that is sent like this. `note` is like no other.
    pub(super) fn told(self, kind: usize, change: &Change, note: &str) -> Change {
        match self {
            Self::Array | Self::Ndjson => change.clone(),
            Self::Csv => Change::Put(format!("{{\"note\":\"{note}\"}}")),
            Self::Lines => Change::Touch,
            Self::Stix => Change::Put(format!("{{\"id\":\"indicator--{note}\"}}")),
            // In the order in which a sorted map prints them.
            Self::Misp => {
                Change::Put(format!("{{\"comment\":\"{note}\",\"type\":\"{}\"}}", MISP_TYPES[kind]))
            }
        }
    }

    fn ends(self) -> (&'static str, &'static str) {
        match self {
            Self::Array => ("[", "]"),
            Self::Ndjson | Self::Lines => ("", ""),
            Self::Csv => ("indicator,note\n", ""),
            Self::Stix => ("{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[", "]}"),
            Self::Misp => ("{\"Event\":{\"Attribute\":[", "]}}"),
        }
    }
}

impl Body {
    pub(super) fn new(form: ImportForm) -> Self {
        Self {
            form,
            text: form.ends().0.to_owned(),
            lines: u64::from(form == ImportForm::Csv),
            row_lines: Vec::new(),
        }
    }

    /// Adds a row of which `change` is what [`ImportForm::told`] says, and so many pieces: before it where they are no rows,
    /// in it where it has room for one, and in the same row again.
    pub(super) fn row(&mut self, kind: usize, indicator: &str, change: &Change, pieces: usize) {
        let has_room = !matches!(self.form, ImportForm::Csv | ImportForm::Lines);
        if !has_room {
            for _ in 0..pieces {
                writeln!(self.text, "# {}", "y".repeat(PIECE_BYTES)).unwrap();
                self.lines += 1;
            }
        }
        self.padded_row(kind, indicator, change, if has_room && pieces != 0 { PIECE_BYTES } else { 0 });
        self.row_lines.push(self.lines);
        if has_room {
            for _ in 1..pieces {
                self.padded_row(kind, indicator, change, PIECE_BYTES);
            }
        }
    }

    /// Adds a row that is refused.
    pub(super) fn refused_row(&mut self, kind: usize, indicator: &str) {
        self.padded_row(kind, indicator, &Change::Touch, 0);
    }

    /// Ends the body.
    pub(super) fn end(&mut self) {
        if self.text.ends_with(',') {
            self.text.pop();
        }
        self.text.push_str(self.form.ends().1);
    }

    fn padded_row(&mut self, kind: usize, indicator: &str, change: &Change, padding_bytes: usize) {
        self.lines += 1;
        let (form, text) = (self.form, &mut self.text);
        let padding = if padding_bytes == 0 {
            String::new()
        } else {
            format!(",\"padding\":\"{}\"", "y".repeat(padding_bytes))
        };
        let value = Value::from(indicator);
        match form {
            ImportForm::Array | ImportForm::Ndjson => {
                let context = match change {
                    Change::Put(context) => format!(",\"context\":{context}"),
                    Change::Touch => String::new(),
                };
                write!(text, "{{\"indicator\":{value}{context}{padding}}}")
            }
            ImportForm::Csv => write!(text, "{indicator},{}", member(change, "note").as_str().unwrap_or("")),
            ImportForm::Lines => write!(text, "{indicator}"),
            ImportForm::Stix => {
                let pattern = format!("[{} = '{}']", STIX_PATHS[kind], indicator.replace('\\', "\\\\"));
                let (pattern, id) = (Value::from(pattern), member(change, "id"));
                write!(text, "{{\"type\":\"indicator\",\"id\":{id},\"pattern\":{pattern},\"pattern_type\":\"stix\"{padding}}}")
            }
            ImportForm::Misp => {
                let (name, comment) = (MISP_TYPES[kind], member(change, "comment"));
                write!(text, "{{\"type\":\"{name}\",\"value\":{value},\"to_ids\":true,\"comment\":{comment}{padding}}}")
            }
        }
        .unwrap();
        text.push(match form {
            ImportForm::Array | ImportForm::Stix | ImportForm::Misp => ',',
            ImportForm::Ndjson | ImportForm::Csv | ImportForm::Lines => '\n',
        });
    }
}

/// How many of the pieces of a long group the row with this index has, of so many rows.
pub(super) fn pieces_of(index: usize, rows: usize) -> usize {
    PIECES * (index + 1) / rows - PIECES * index / rows
}

/// A member of the context that a row is sent with.
fn member(change: &Change, name: &str) -> Value {
    match change {
        Change::Put(context) => serde_json::from_str::<Value>(context).unwrap()[name].clone(),
        Change::Touch => Value::Null,
    }
}
