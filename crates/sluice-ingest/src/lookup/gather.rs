//! A slice of a lookup's body to its objects and the keys worth reading.

use std::{ops::Range, sync::Arc};

use sluice_model::limits;

use super::{candidates::Candidates, detect::Detector};
use crate::{
    body::{elements, scan::Known, split::BodySlice},
    error::{BodyError, IngestError},
    memory::{HeldBytes, RequestMemory},
};

/// Bytes of objects or keys after which what is held is counted.
const COUNTED_BYTES: usize = 64 * limits::KIB;

/// Values that wait for their answer.
pub(super) struct Gathered {
    /// JSON text of the objects, one after the other.
    objects: Vec<u8>,
    object_ends: Vec<u32>,
    pub(super) candidates: Candidates,
    /// Whether the first value of the body is the first one here.
    pub(super) is_first: bool,
    /// Bytes of memory that were not enough to read what is wanted.
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
            // Most of the text is objects.
            objects: Vec::with_capacity(slice.text.len()),
            object_ends: Vec::new(),
            candidates: Candidates::default(),
            is_first: slice.first_element == 0,
            tried_bytes: 0,
            held: HeldBytes::nothing(memory),
            counted_bytes: 0,
        };
        let mut index = slice.first_element;
        let visited = elements::visit_elements(slice, |element| {
            let object = element.get(Known::Object);
            let Some((object, string)) = object.and_then(|object| Some((object, object.as_str()?))) else {
                let byte = slice.body_byte(element.offset);
                return Err(IngestError::Body(match object {
                    None => BodyError::ObjectMissing { index, byte },
                    Some(_) => BodyError::ObjectType { index, byte },
                }));
            };
            index += 1;
            object.append_compact(&mut gathered.objects);
            gathered.object_ends.push(u32::try_from(gathered.objects.len()).unwrap_or(u32::MAX));
            detector.add(string, &mut gathered.candidates);
            if gathered.counted_bytes + COUNTED_BYTES
                < gathered.objects.len() + gathered.candidates.keys_bytes()
            {
                gathered.count()?;
            }
            Ok(())
        });
        visited.map_err(IngestError::Body)??;
        Ok(gathered)
    }

    fn count(&mut self) -> Result<(), IngestError> {
        self.counted_bytes = self.objects.len() + self.candidates.keys_bytes();
        self.held.set(
            self.objects.capacity()
                + self.object_ends.capacity() * size_of::<u32>()
                + self.candidates.held_bytes(),
        )
    }

    /// Asks the filters for the last values; from then on all wanted keys are known.
    ///
    /// # Errors
    ///
    /// That memory is short.
    pub(super) fn settle(&mut self, detector: &Detector) -> Result<(), IngestError> {
        detector.settle(&mut self.candidates);
        self.candidates.shed();
        self.count()
    }

    /// The number of values.
    pub(super) fn values_count(&self) -> usize {
        self.object_ends.len()
    }

    /// JSON text of the object of a value.
    pub(super) fn object(&self, value: usize) -> &[u8] {
        let to = self.object_end(value);
        let from = value.checked_sub(1).map_or(0, |before| self.object_end(before));
        self.objects.get(from..to).unwrap_or_default()
    }

    /// Bytes of the objects of some values.
    pub(super) fn objects_bytes(&self, values: &Range<usize>) -> usize {
        let end_before = |value: usize| value.checked_sub(1).map_or(0, |before| self.object_end(before));
        end_before(values.end).saturating_sub(end_before(values.start))
    }

    fn object_end(&self, value: usize) -> usize {
        self.object_ends.get(value).map_or(0, |end| *end as usize)
    }
}
