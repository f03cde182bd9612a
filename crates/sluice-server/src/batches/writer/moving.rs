//! What is to stay of a segment goes to the present one before it is removed.
//!
//! In: a segment. Out: what `room` wants to stay of it, written again and synced. Of a batch, the rows in this segment alone are
//! copied; its record names where all of them stand.

use super::Writer;
use crate::{
    batches::{
        id::BatchId,
        journal::{self, SUMMARY},
        room,
    },
    clock::now_ms,
};

impl Writer {
    /// See the module. What cannot be written is lost with its segment.
    pub(super) fn move_out(&mut self, segment: u64) {
        let index = self.index.lock();
        let batches: Vec<_> = index.entries().collect();
        let (whole, summaries) = room::staying(&batches, segment, self.bytes_max, now_ms());
        drop(index);
        for id in whole {
            self.move_whole(id, segment);
        }
        for id in summaries {
            let entry = self.index.lock().get(id).cloned();
            if let Some(entry) = entry {
                self.write_summary(SUMMARY, entry.summary);
            }
        }
        self.sync();
    }

    /// Moves what a batch has in a segment, without a sync.
    pub(super) fn move_whole(&mut self, id: BatchId, segment: u64) {
        let Some(entry) = self.index.lock().get(id).cloned() else { return };
        for from in entry.frames {
            if from.segment != segment {
                continue;
            }
            // What is not moved is missed when its segment is gone.
            let Ok(frame) = journal::read_packed(&self.dir, &from) else { continue };
            let Ok(to) = self.append(|segment| segment.append_rejects(id, &frame)) else { continue };
            self.unsynced_frames.push((id, to));
            if let Some(entry) = self.index.lock().get_mut(id) {
                entry.replace(from, to);
            }
        }
        // Which may find out that what was written before it is not durable.
        self.end_segment_in_time();
        let Some(entry) = self.index.lock().get(id).cloned() else { return };
        if self.append(|segment| segment.append_moved(&entry.summary, &entry.frames)).is_ok() {
            self.unwritten.retain(|(_, earlier)| earlier.id != id);
            let number = self.segment.as_ref().map(|(segment, _)| segment.number);
            if let Some(entry) = self.index.lock().get_mut(id) {
                entry.segment = number;
            }
            self.unsynced.push((SUMMARY, entry.summary));
        }
    }
}
