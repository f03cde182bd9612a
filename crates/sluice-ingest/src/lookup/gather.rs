//! A slice of a lookup's body to its objects and the keys worth reading.

use std::{ops::Range, sync::Arc};

use super::{
    candidates::{COUNTED_BYTES, Candidates},
    detect::Detector,
    lists::Lists,
};
use crate::{
    body::{elements, scan::KnownProperty, split::BodySlice},
    error::{BodyError, IngestError},
    memory::{HeldBytes, RequestMemory},
};

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
    /// The first element that is none of a lookup, or that memory is short.
    pub(super) fn of(
        slice: &BodySlice,
        detector: &Detector,
        memory: &Arc<RequestMemory>,
    ) -> Result<Self, IngestError> {
        let mut gathered = Self {
            objects: Lists::default(),
            candidates: Candidates::new(memory),
            first_index: slice.first_element,
            tried_bytes: 0,
            held: HeldBytes::new(memory),
            counted_bytes: 0,
        };
        // Most of the text is objects.
        gathered.objects.items.reserve_exact(slice.text.len());
        let mut index = slice.first_element;
        let visited = elements::visit_elements(slice, |element| {
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
            object.append_compact(&mut gathered.objects.items);
            gathered.objects.finish_list().ok_or(IngestError::Internal)?;
            gathered.candidates.add(string, detector.rules.scope, &detector.snapshot)?;
            let bytes = gathered.objects.items.len();
            if gathered.counted_bytes + COUNTED_BYTES < bytes { gathered.count() } else { Ok(()) }
        });
        visited?;
        Ok(gathered)
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
