//! The feed in each form that is taken.
//!
//! In: rows as the CyberTrace API has them. Out: a file for each form, bodies made of them, and the values in their order.
//! NDJSON and arrays carry rows as they are, CSV has a column for each member of a context, lists, STIX and MISP have
//! the values alone.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use test_support::import_form::ImportForm;

use crate::feed::Lines;

/// Most bytes of a body of the CyberTrace API; four make a feed of a million.
const BODY_BYTES_MAX: usize = 60 << 20;

/// A feed in all forms.
pub(super) struct Forms {
    dir: PathBuf,
    values: Vec<String>,
}

impl Forms {
    /// Writes the files into a directory.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written, or a line is no row.
    pub(super) fn write(mut lines: Lines, dir: &Path) -> Result<Self> {
        let mut forms = Self { dir: dir.to_owned(), values: Vec::new() };
        let (mut rows, mut line) = (Vec::new(), Vec::new());
        while lines.next_line(&mut line)? {
            let row: Map<String, Value> = serde_json::from_slice(&line).context("a line is no row")?;
            let value = row.get("indicator").and_then(Value::as_str).context("a row has no indicator")?;
            forms.values.push(value.to_owned());
            rows.push(row);
            line.clear();
        }
        let columns: BTreeSet<&String> =
            rows.iter().filter_map(|row| row.get("context")?.as_object()).flat_map(Map::keys).collect();
        forms.write_file(
            ImportForm::Ndjson,
            ("", "\n", "\n"),
            rows.iter().map(|row| json!(row).to_string()),
        )?;
        let header = format!(
            "indicator,tags,{}\n",
            columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",")
        );
        forms.write_file(
            ImportForm::Csv,
            (&header, "\n", "\n"),
            rows.iter().map(|row| record(row, &columns)),
        )?;
        forms.write_file(ImportForm::Lines, ("", "\n", "\n"), forms.values.iter().cloned())?;
        let numbered = || forms.values.iter().enumerate();
        let bundle = ("{\"type\":\"bundle\",\"id\":\"bundle--0\",\"objects\":[", ",", "]}");
        forms.write_file(
            ImportForm::Stix,
            bundle,
            numbered().map(|(number, value)| object(number, value)),
        )?;
        let event = ("{\"Event\":{\"info\":\"A feed\",\"Attribute\":[", ",", "]}}");
        forms.write_file(ImportForm::Misp, event, forms.values.iter().map(|value| attribute(value)))?;
        Ok(forms)
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.values.len()
    }

    /// The values as the feed has them.
    pub(super) fn values(&self) -> &[String] {
        &self.values
    }

    /// Where a form is; of arrays, the rows that they are made of.
    pub(super) fn file(&self, form: ImportForm) -> PathBuf {
        let word = if form == ImportForm::Array { ImportForm::Ndjson.word() } else { form.word() };
        self.dir.join(format!("feed.{word}"))
    }

    /// The body of a form.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn body(&self, form: ImportForm) -> Result<Vec<u8>> {
        if form == ImportForm::Array {
            return Ok(self.arrays(usize::MAX)?.concat());
        }
        Ok(fs::read(self.file(form))?)
    }

    /// Arrays as short as the CyberTrace API takes them.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn short_arrays(&self) -> Result<Vec<Vec<u8>>> {
        self.arrays(BODY_BYTES_MAX)
    }

    fn arrays(&self, bytes_max: usize) -> Result<Vec<Vec<u8>>> {
        let mut arrays: Vec<Vec<u8>> = Vec::new();
        for row in
            fs::read(self.file(ImportForm::Array))?.split(|byte| *byte == b'\n').filter(|row| !row.is_empty())
        {
            match arrays.last_mut() {
                Some(array) if array.len() + row.len() < bytes_max => array.push(b','),
                _ => arrays.push(vec![b'[']),
            }
            if let Some(array) = arrays.last_mut() {
                array.extend_from_slice(row);
            }
        }
        for array in &mut arrays {
            array.push(b']');
        }
        Ok(arrays)
    }

    fn write_file(
        &self,
        form: ImportForm,
        (before, between, after): (&str, &str, &str),
        rows: impl Iterator<Item = String>,
    ) -> Result<()> {
        let mut file = BufWriter::new(File::create(self.file(form))?);
        file.write_all(before.as_bytes())?;
        for (number, row) in rows.enumerate() {
            if 0 < number {
                file.write_all(between.as_bytes())?;
            }
            file.write_all(row.as_bytes())?;
        }
        file.write_all(after.as_bytes())?;
        Ok(file.flush()?)
    }
}

/// A row as a record.
fn record(row: &Map<String, Value>, columns: &BTreeSet<&String>) -> String {
    let text = |value: Option<&Value>| match value {
        None => String::new(),
        Some(Value::String(text)) => quoted(text),
        Some(other) => quoted(&other.to_string()),
    };
    let tags = row.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut fields = vec![text(row.get("indicator")), quoted(&tags.collect::<Vec<_>>().join(";"))];
    let context = row.get("context");
    fields.extend(columns.iter().map(|name| text(context.and_then(|context| context.get(name.as_str())))));
    fields.join(",")
}

/// A field, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let needs_quotes = text.contains(['"', ',', ';', '\n', '\r', '\t', '#']) || text.trim() != text;
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// What the types of STIX and MISP are for a value. It tells by itself what it is, so a guess is enough.
fn types(value: &str) -> (&'static str, &'static str) {
    let is_hash = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (value.len(), value.parse::<IpAddr>()) {
        (32, _) if is_hash => ("file:hashes.MD5", "md5"),
        (40, _) if is_hash => ("file:hashes.'SHA-1'", "sha1"),
        (64, _) if is_hash => ("file:hashes.'SHA-256'", "sha256"),
        (_, Ok(IpAddr::V4(_))) => ("ipv4-addr:value", "ip-dst"),
        (_, Ok(IpAddr::V6(_))) => ("ipv6-addr:value", "ip-dst"),
        _ if value.contains(['/', ':']) => ("url:value", "url"),
        _ => ("domain-name:value", "domain"),
    }
}

/// A value as an object of STIX.
fn object(number: usize, value: &str) -> String {
    let literal = value.replace('\\', "\\\\").replace('\'', "\\'");
    let pattern = format!("[{} = '{literal}']", types(value).0);
    let time = "2026-01-01T00:00:00.000Z";
    let object = json!({"type": "indicator", "spec_version": "2.1",
        "id": format!("indicator--00000000-0000-4000-8000-{number:012x}"), "created": time, "modified": time,
        "pattern": pattern, "pattern_type": "stix", "valid_from": time});
    object.to_string()
}

/// A value as an attribute of MISP.
fn attribute(value: &str) -> String {
    let (_, of_misp) = types(value);
    let attribute = json!({"type": of_misp, "value": value, "to_ids": true, "category": "Network activity",
        "timestamp": "1767225600", "comment": ""});
    attribute.to_string()
}

#[cfg(test)]
mod tests;
