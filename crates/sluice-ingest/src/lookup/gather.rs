//! A slice of a lookup's body to its objects and the keys worth reading.
//!
//! Of rows, the object of a value is what the API tells of it while nothing is read; a row that is no value has one too.

use std::{ops::Range, sync::Arc};

use sluice_model::{NotAnIndicator, ranges::bytes_at, write_normal_form};

use super::{
    body::LookupSlice,
    candidates::{COUNTED_BYTES, Candidates},
    detect::Detector,
    lists::Lists,
    render::Render,
    text::AnswerText,
};
use crate::{
    body::{
        elements::{self, Element},
        scan::KnownProperty,
        split::BodySlice,
    },
    error::{BodyError, IngestError},
    import::{
        cut::RowsSlice,
        json,
        report::told_value,
        rows::{RowFormat, line_at, visit_rows},
        unread::Unread,
    },
    memory::{HeldBytes, RequestMemory},
};

/// The properties of a row that may have its value, in the order in which they are asked for it.
const VALUE_PROPERTIES: [KnownProperty; 3] =
    [KnownProperty::Value, KnownProperty::Object, KnownProperty::Indicator];

/// How much longer what is told of very short values is than their text, for which room is made beforehand.
const TOLD_BYTES_MAX: usize = 6;

/// The word for a value that is no indicator, of those for refused rows.
const NO_INDICATOR: &str = "invalid-indicator";

/// Values that wait for their answer.
pub(super) struct Gathered {
    /// JSON text of the object of each value.
    pub(super) objects: Lists<u8>,
    pub(super) candidates: Candidates,
    /// Number of the first value here in the body.
    pub(super) first_index: u64,
    /// Bytes of memory that were not enough to read what is stored under the candidates.
    pub(super) tried_bytes: usize,
    held: HeldBytes,
    counted_bytes: usize,
}

impl Gathered {
    /// Takes the values of a slice.
    ///
    /// # Errors
    ///
    /// The first element of an array of the CyberTrace API that is none of a lookup, or that memory is short.
    pub(super) fn of(
        slice: &LookupSlice,
        detector: &Detector,
        render: &impl Render,
        memory: &Arc<RequestMemory>,
    ) -> Result<Self, IngestError> {
        match slice {
            LookupSlice::Elements(slice) => {
                let mut gathered = Self::new(slice.first_element, slice.text.len(), memory);
                gathered.take_elements(slice, detector)?;
                Ok(gathered)
            }
            LookupSlice::Objects(slice, _) | LookupSlice::Lines(slice) if slice.is_too_long => {
                let gathered = Self::new(slice.first_line, 0, memory);
                let mut rows = Rows { gathered, detector, render, normal: String::new() };
                rows.take_unread(&slice.text, Unread::TooLong)?;
                Ok(rows.gathered)
            }
            LookupSlice::Objects(slice, format) => {
                let mut rows = Rows::new(slice, detector, render, memory);
                rows.take_objects(slice, format)?;
                Ok(rows.gathered)
            }
            LookupSlice::Lines(slice) => {
                let mut rows = Rows::new(slice, detector, render, memory);
                rows.take_lines(slice)?;
                Ok(rows.gathered)
            }
        }
    }

    /// All objects as the text of an answer.
    ///
    /// # Errors
    ///
    /// That the answer is too long.
    pub(super) fn into_text(self) -> Result<AnswerText, IngestError> {
        let values_count = self.objects.len();
        AnswerText::whole(self.objects.items, self.held, self.first_index, values_count)
    }

    /// Begins with no values. About so many bytes of objects are expected.
    fn new(first_index: u64, expected_bytes: usize, memory: &Arc<RequestMemory>) -> Self {
        let mut objects = Lists::default();
        objects.items.reserve_exact(expected_bytes);
        Self {
            objects,
            candidates: Candidates::new(memory),
            first_index,
            tried_bytes: 0,
            held: HeldBytes::new(memory),
            counted_bytes: 0,
        }
    }

    fn take_elements(&mut self, slice: &BodySlice, detector: &Detector) -> Result<(), IngestError> {
        let mut index = slice.first_element;
        elements::visit_elements(slice, |element| {
            let Some(object) = element.get(KnownProperty::Object) else {
                let byte = slice.body_byte(element.offset);
                return Err(IngestError::Body(BodyError::ObjectMissing { index, byte }));
            };
            let string = match object.as_str() {
                Some(string) => string,
                // A string that cannot be read is a value of no known kind, like any other that names nothing.
                None if object.is_sent_as_string() => "",
                None => {
                    let byte = slice.body_byte(element.offset);
                    return Err(IngestError::Body(BodyError::ObjectType { index, byte }));
                }
            };
            index += 1;
            object.append_compact(&mut self.objects.items);
            self.candidates.add(string, detector.rules.scope, &detector.snapshot)?;
            self.finish_object()
        })
    }

    /// Ends the object of a value.
    #[inline]
    fn finish_object(&mut self) -> Result<(), IngestError> {
        self.objects.finish_list().ok_or(IngestError::Internal)?;
        let bytes = self.objects.items.len();
        if self.counted_bytes + COUNTED_BYTES < bytes { self.count() } else { Ok(()) }
    }

    /// The numbers of the values.
    pub(super) fn values(&self) -> Range<usize> {
        0..self.objects.len()
    }

    fn count(&mut self) -> Result<(), IngestError> {
        self.counted_bytes = self.objects.items.len();
        self.held.set(self.objects.heap_bytes())
    }

    /// Asks the filters for the last values; from then on all candidates are known.
    ///
    /// # Errors
    ///
    /// That memory is short.
    pub(super) fn finish(&mut self, detector: &Detector) -> Result<(), IngestError> {
        self.candidates.finish(&detector.snapshot)?;
        self.count()
    }
}

/// Gathers rows.
struct Rows<'g, R> {
    gathered: Gathered,
    detector: &'g Detector,
    render: &'g R,
    /// Room for the normal form of a value.
    normal: String,
}

impl<'g, R: Render> Rows<'g, R> {
    fn new(slice: &RowsSlice, detector: &'g Detector, render: &'g R, memory: &Arc<RequestMemory>) -> Self {
        let rows = usize::try_from(slice.lines).unwrap_or(usize::MAX);
        // The value as sent, and its normal form.
        let told_bytes = (2 * slice.text.len()).saturating_add(rows.saturating_mul(R::OBJECT_BYTES));
        let expected_bytes = told_bytes.min(TOLD_BYTES_MAX * slice.text.len());
        let gathered = Gathered::new(slice.first_line, expected_bytes, memory);
        Self { gathered, detector, render, normal: String::new() }
    }

    fn take_objects(&mut self, slice: &RowsSlice, format: &RowFormat) -> Result<(), IngestError> {
        visit_rows(slice, format, 0, |_place, row, element| match element {
            Ok(element) => self.take_object(row, &element),
            Err(unread) => self.take_unread(row, unread),
        })
    }

    fn take_object(&mut self, row: &[u8], element: &Element<'_>) -> Result<(), IngestError> {
        let Some(value) = VALUE_PROPERTIES.iter().find_map(|property| element.get(*property)) else {
            return self.take_none(&told_value(row, b""), "missing-indicator", "The row has no 'value'");
        };
        if let Some(text) = value.as_str() {
            let objects = self.begin_object();
            value.append_compact(objects);
            return self.take_value(text);
        }
        let mut sent = Vec::new();
        value.append_compact(&mut sent);
        let hint = value.flaw().map_or("is not a string", |flaw| flaw.as_str());
        // What cannot be read must not make the answer unreadable.
        self.take_none(&told_value(&sent, b""), NO_INDICATOR, &format!("The value {hint}"))
    }

    /// Takes the lines that are neither empty nor comments.
    fn take_lines(&mut self, slice: &RowsSlice) -> Result<(), IngestError> {
        let whole = str::from_utf8(&slice.text).ok();
        let mut from = 0;
        while let Some((to, next)) = line_at(&slice.text, from) {
            let line = bytes_at(&slice.text, from..to).trim_ascii();
            let text = match whole {
                Some(whole) => whole.get(from..to).map(str::trim_ascii),
                None => str::from_utf8(line).ok(),
            };
            from = next;
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if let Some(text) = text {
                json::push_string(self.begin_object(), text);
                self.take_value(text)?;
            } else {
                self.take_unread(line, Unread::NotUtf8)?;
            }
        }
        Ok(())
    }

    /// Begins the object of a value, which is to be appended.
    fn begin_object(&mut self) -> &mut Vec<u8> {
        let objects = &mut self.gathered.objects.items;
        self.render.begin_object(objects);
        objects
    }

    /// Takes the value with which the last object begins.
    fn take_value(&mut self, text: &str) -> Result<(), IngestError> {
        let Self { gathered, detector, render, normal } = self;
        let objects = &mut gathered.objects.items;
        gathered.candidates.take(text, detector.rules.scope, &detector.snapshot, |key| {
            normal.clear();
            match key.and_then(|key| write_normal_form(key, normal).ok_or(NotAnIndicator::Format)) {
                Ok((_, kind)) => render.end_object(Ok((normal, kind)), objects),
                Err(reason) => render.end_object(Err((NO_INDICATOR, &reason.to_string())), objects),
            }
        })?;
        gathered.finish_object()
    }

    /// Takes a row that cannot be read.
    fn take_unread(&mut self, row: &[u8], unread: Unread) -> Result<(), IngestError> {
        let (reason, hint) = unread.told();
        self.take_none(&told_value(row, b""), reason, hint)
    }

    /// Takes a row without a value that could be looked up.
    fn take_none(&mut self, told: &str, reason: &'static str, hint: &str) -> Result<(), IngestError> {
        self.begin_object().extend_from_slice(told.as_bytes());
        let Self { gathered, render, .. } = self;
        render.end_object(Err((reason, hint)), &mut gathered.objects.items);
        gathered.candidates.pass_over()?;
        gathered.finish_object()
    }
}
