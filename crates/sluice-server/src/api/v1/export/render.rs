//! Rows as lines of NDJSON or records of CSV.
//!
//! In: holdings, one after the other, and the catalogue that names their suppliers and tags. Out: text. All rows of a tenant have one shape, in
//! which each holding stands with its supplier; those of one supplier are the elements of an upload, with what an upload passes
//! over, so that a line can be sent back as it is.

use std::io;

use serde::Serialize;
use sluice_model::{
    escape_blanks,
    normalize::{normalize_into, write_sent},
    write_normal_form,
};
use sluice_store::{SelectedHolding, catalogue::Catalogue};

use super::{
    super::times::append_times,
    parameters::{ExportFormat, ExportSubject},
};
use crate::clock::append_date;

#[cfg(test)]
mod tests;

/// The columns of a supplier's rows, which an import of a table reads back: it passes over what has no name.
const SUPPLIER_COLUMNS: &str = "indicator,kind,context,tags,updated,expires,url\n";

/// The columns of all rows.
const ALL_COLUMNS: &str = "indicator,kind,supplier,context,tags,updated,expires,url\n";

/// The beginnings of lines: of a row, of one that has changed, and of one that is gone.
const ROW_START: &[u8] = b"{\"indicator\":";
const PUT_START: &[u8] = b"{\"op\":\"put\",\"indicator\":";
const REMOVE_START: &[u8] = b"{\"op\":\"remove\",\"indicator\":";

/// Writes rows, and counts them.
pub(in super::super) struct RowWriter<'a> {
    catalogue: &'a Catalogue,
    /// Whether each row is of one supplier, which is not named.
    is_of_supplier: bool,
    format: ExportFormat,
    /// What stands before the indicator of a row.
    row_start: &'static [u8],
    /// Normal form and kind of the row at hand.
    indicator: String,
    kind: &'static str,
    scratch: String,
    /// A key that was read back.
    read_key: Vec<u8>,
    /// Rows so far.
    pub(in super::super) rows_count: u64,
}

/// The last line of an answer that is whole.
#[derive(Serialize)]
struct EndView<'told> {
    end: bool,
    rows: u64,
    /// The `after` of the next answer, if there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'told str>,
}

impl<'a> RowWriter<'a> {
    /// Begins, with the header of a table.
    pub(super) fn new(
        catalogue: &'a Catalogue,
        subject: &ExportSubject,
        format: ExportFormat,
        text: &mut Vec<u8>,
    ) -> Self {
        let is_of_supplier = matches!(subject, ExportSubject::Supplier(_));
        if format == ExportFormat::Csv {
            let columns = if is_of_supplier { SUPPLIER_COLUMNS } else { ALL_COLUMNS };
            text.extend_from_slice(columns.as_bytes());
        }
        let (indicator, scratch, read_key) = (String::new(), String::new(), Vec::new());
        let (kind, row_start) = ("", ROW_START);
        Self {
            catalogue,
            is_of_supplier,
            format,
            row_start,
            indicator,
            kind,
            scratch,
            read_key,
            rows_count: 0,
        }
    }

    /// Begins lines that say what has become of rows.
    pub(in super::super) fn of_changes(catalogue: &'a Catalogue) -> Self {
        let rows = Self::new(catalogue, &ExportSubject::All, ExportFormat::Ndjson, &mut Vec::new());
        Self { row_start: PUT_START, ..rows }
    }

    /// Appends that the row of a key is not there any more.
    ///
    /// # Errors
    ///
    /// What is stored makes no sense.
    pub(in super::super) fn push_removal(
        &mut self,
        key: &[u8],
        reason: &str,
        text: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.begin_row(key)?;
        text.extend_from_slice(REMOVE_START);
        self.push_indicator(text)?;
        text.extend_from_slice(b",\"reason\":\"");
        text.extend_from_slice(reason.as_bytes());
        text.extend_from_slice(b"\"}\n");
        self.rows_count += 1;
        Ok(())
    }

    /// Takes indicator and kind of a row.
    fn begin_row(&mut self, key: &[u8]) -> io::Result<()> {
        self.indicator.clear();
        let written = write_normal_form(key, &mut self.indicator);
        (_, self.kind) = written.ok_or_else(|| io::Error::other("a key makes no sense"))?;
        if self.kind == "url" && !reads_as(&self.indicator, key, &mut self.read_key) {
            self.make_readable(key);
        }
        Ok(())
    }

    /// Appends a holding.
    ///
    /// # Errors
    ///
    /// What is stored makes no sense.
    pub(in super::super) fn push(
        &mut self,
        holding: &SelectedHolding<'_>,
        text: &mut Vec<u8>,
    ) -> io::Result<()> {
        if holding.is_first {
            self.begin_row(holding.key)?;
        }
        match self.format {
            ExportFormat::Csv => self.push_record(holding, text)?,
            ExportFormat::Ndjson if self.is_of_supplier => self.push_element(holding, text)?,
            ExportFormat::Ndjson => self.push_shared(holding, text)?,
        }
        self.rows_count += u64::from(holding.is_last);
        Ok(())
    }

    /// Writes the indicator so that an upload reads it as what it is: white space would be refused, and `192.0.2.1/24` be a
    /// network. What has no such form stays as it is.
    fn make_readable(&mut self, key: &[u8]) {
        let escaped = escape_blanks(&self.indicator);
        let with_scheme = format!("http://{escaped}");
        let mut forms = [escaped, with_scheme].into_iter();
        if let Some(form) = forms.find(|form| reads_as(form, key, &mut self.read_key)) {
            self.indicator = form;
        }
    }

    /// Appends what says that the answer is whole; `next` is set if it ended because enough was told.
    pub(super) fn push_end(&self, is_cut: bool, text: &mut Vec<u8>) -> io::Result<()> {
        if self.format == ExportFormat::Csv {
            return Ok(());
        }
        let next = Some(self.indicator.as_str()).filter(|_| is_cut);
        serde_json::to_writer(&mut *text, &EndView { end: true, rows: self.rows_count, next })?;
        text.push(b'\n');
        Ok(())
    }

    /// A row of one supplier: the element of an upload, and what an upload passes over.
    fn push_element(&mut self, holding: &SelectedHolding<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        self.push_head(text)?;
        self.push_context(holding, text);
        self.push_tags(holding, text)?;
        text.push(b',');
        append_times(holding.updated_seconds, holding.expires_seconds, text);
        self.push_url(holding, text)?;
        text.extend_from_slice(b"}\n");
        Ok(())
    }

    /// A holding of a row that stands with those of others.
    fn push_shared(&mut self, holding: &SelectedHolding<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        if holding.is_first {
            self.push_head(text)?;
            text.extend_from_slice(b",\"suppliers\":[");
        } else {
            text.push(b',');
        }
        text.extend_from_slice(b"{\"name\":");
        serde_json::to_writer(&mut *text, self.supplier_of(holding)?)?;
        self.push_context(holding, text);
        text.push(b',');
        append_times(holding.updated_seconds, holding.expires_seconds, text);
        self.push_url(holding, text)?;
        text.push(b'}');
        if holding.is_last {
            text.push(b']');
            self.push_tags(holding, text)?;
            text.extend_from_slice(b"}\n");
        }
        Ok(())
    }

    fn push_head(&self, text: &mut Vec<u8>) -> io::Result<()> {
        text.extend_from_slice(self.row_start);
        self.push_indicator(text)
    }

    fn push_indicator(&self, text: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *text, &self.indicator)?;
        text.extend_from_slice(b",\"kind\":\"");
        text.extend_from_slice(self.kind.as_bytes());
        text.push(b'"');
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "it stands among others of the row")]
    fn push_context(&self, holding: &SelectedHolding<'_>, text: &mut Vec<u8>) {
        if !holding.context.is_empty() {
            // It is one line of JSON since it was taken in.
            text.extend_from_slice(b",\"context\":");
            text.extend_from_slice(holding.context);
        }
    }

    fn push_tags(&self, holding: &SelectedHolding<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        let mut separator: &[u8] = b",\"tags\":[";
        for tag in holding.tags().filter_map(|id| self.catalogue.tag_by_id(id)) {
            text.extend_from_slice(separator);
            serde_json::to_writer(&mut *text, tag.name.as_str())?;
            separator = b",";
        }
        if separator == b"," {
            text.push(b']');
        }
        Ok(())
    }

    fn push_url(&mut self, holding: &SelectedHolding<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        if !holding.spelling.is_empty() {
            self.write_url(holding)?;
            text.extend_from_slice(b",\"url\":");
            serde_json::to_writer(&mut *text, &self.scratch)?;
        }
        Ok(())
    }

    fn write_url(&mut self, holding: &SelectedHolding<'_>) -> io::Result<()> {
        self.scratch.clear();
        write_sent(holding.key, holding.spelling, &mut self.scratch)
            .ok_or_else(|| io::Error::other("a spelling makes no sense"))
    }

    /// A record of a table: a holding with its indicator.
    fn push_record(&mut self, holding: &SelectedHolding<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        push_field(self.indicator.as_bytes(), text);
        text.push(b',');
        text.extend_from_slice(self.kind.as_bytes());
        text.push(b',');
        if !self.is_of_supplier {
            push_field(self.supplier_of(holding)?.as_bytes(), text);
            text.push(b',');
        }
        push_field(holding.context, text);
        text.push(b',');
        self.scratch.clear();
        for tag in holding.tags().filter_map(|id| self.catalogue.tag_by_id(id)) {
            if !self.scratch.is_empty() {
                self.scratch.push(';');
            }
            self.scratch.push_str(tag.name.as_str());
        }
        push_field(self.scratch.as_bytes(), text);
        for seconds in [holding.updated_seconds, holding.expires_seconds] {
            text.push(b',');
            append_date(seconds, text);
        }
        text.push(b',');
        if !holding.spelling.is_empty() {
            self.write_url(holding)?;
            push_field(self.scratch.as_bytes(), text);
        }
        text.push(b'\n');
        Ok(())
    }

    fn supplier_of(&self, holding: &SelectedHolding<'_>) -> io::Result<&'a str> {
        let supplier = self.catalogue.supplier_by_id(holding.supplier);
        Ok(supplier.ok_or_else(|| io::Error::other("a supplier is nowhere"))?.name.as_str())
    }
}

/// Whether an upload reads the text as the indicator of this key; `room` is a buffer.
fn reads_as(text: &str, key: &[u8], room: &mut Vec<u8>) -> bool {
    room.clear();
    normalize_into(text, room).is_ok() && *room == key
}

/// Appends a field of a record, between quotes if it would be read as something else without.
fn push_field(field: &[u8], text: &mut Vec<u8>) {
    // A `#` would begin a comment.
    let is_plain =
        !field.iter().any(|byte| b",;\t\"\r\n#".contains(byte)) && field.trim_ascii().len() == field.len();
    if is_plain {
        return text.extend_from_slice(field);
    }
    text.push(b'"');
    for piece in field.split_inclusive(|byte| *byte == b'"') {
        text.extend_from_slice(piece);
        if piece.ends_with(b"\"") {
            text.push(b'"');
        }
    }
    text.push(b'"');
}
