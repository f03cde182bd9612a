//! The memtable and the catalogue from the log, in two passes over its frames.
//!
//! In: frames in the order of the log. Out: what the commits after the checkpoint brought. Frames of writes without
//! a commit are passed over, so the slices of bodies that were never committed need no memory.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    block,
    catalogue::{Catalogue, Effect},
    filter::SharedFilters,
    history::WideChanges,
    log::{Frame, FrameKind, ReplayError},
    manifest::Manifest,
    memtable::{Slice, join_small},
    renewals::{Renewal, Renewals},
    stamps::Given,
};

/// What the frames so far come to.
pub(super) struct Replay {
    /// Commits up to this number are in the runs.
    checkpoint: u64,
    /// Writes with a commit after the checkpoint.
    committed: BTreeSet<u64>,
    /// Number of the newest commit.
    pub(super) sequence: u64,
    /// How many commits were after the checkpoint.
    pub(super) commits: u64,
    pub(super) catalogue: Catalogue,
    /// Oldest first.
    pub(super) slices: Vec<Arc<Slice>>,
    pub(super) filters: SharedFilters,
    /// Slices of writes whose commit was not seen yet, by place in the body, packed.
    packed: HashMap<u64, Vec<(u32, Vec<u8>)>>,
    /// Where the first segment of such a write begins.
    first_segment_lsn: HashMap<u64, u64>,
    /// Newest commit of those that begin in a segment, by the segment's position.
    pub(super) newest_by_segment: BTreeMap<u64, u64>,
    /// When suppliers were replaced.
    pub(super) renewals: Renewals,
    /// Changes of all that a supplier holds, or of all with a tag.
    pub(super) wide: WideChanges,
    /// The latest stamps of commits, if they carry any.
    pub(super) given: Option<Given>,
}

impl Replay {
    /// Begins with what the manifest names.
    pub(super) fn new(manifest: &Manifest, catalogue: &Catalogue) -> Self {
        Self {
            checkpoint: manifest.sequence,
            committed: BTreeSet::new(),
            sequence: manifest.sequence,
            commits: 0,
            catalogue: Catalogue::clone(catalogue),
            slices: Vec::new(),
            filters: SharedFilters::new(),
            packed: HashMap::new(),
            first_segment_lsn: HashMap::new(),
            newest_by_segment: BTreeMap::new(),
            renewals: manifest.renewals.clone(),
            wide: manifest.history.as_ref().map_or_else(WideChanges::default, |history| history.wide.clone()),
            given: None,
        }
    }

    /// First pass: which writes are worth keeping.
    pub(super) fn note(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        if matches!(frame.kind, FrameKind::Commit) && self.checkpoint < sequence_of(frame)?.0 {
            self.committed.insert(frame.txn);
        }
        Ok(())
    }

    /// Second pass: rows and names.
    pub(super) fn take(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        match frame.kind {
            FrameKind::Slice if self.committed.contains(&frame.txn) => self.take_slice(frame),
            FrameKind::Commit => self.take_commit(frame),
            FrameKind::Catalogue => self.take_catalogue(frame),
            FrameKind::Slice | FrameKind::Marker => Ok(()),
        }
    }

    fn take_slice(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        let Some((index, packed)) = frame.payload.split_first_chunk() else {
            return Err(frame.damaged("slice is too short"));
        };
        self.first_segment_lsn.entry(frame.txn).or_insert(frame.segment_lsn);
        let slices = self.packed.entry(frame.txn).or_default();
        slices.push((u32::from_be_bytes(*index), packed.to_vec()));
        Ok(())
    }

    fn take_commit(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        let (sequence, rest) = sequence_of(frame)?;
        // Older daemons wrote none.
        let stamps = rest.split_first_chunk();
        if let Some((given, _)) = stamps {
            self.given = Some(self.given.unwrap_or_default().later(Given::from_bytes(*given)));
        }
        // A replacement that changes nothing has no frame before this one.
        let first_segment_lsn = self.first_segment_lsn.remove(&frame.txn).unwrap_or(frame.segment_lsn);
        let slices = self.packed.remove(&frame.txn);
        // The first frames of a commit that is in the runs already may be gone.
        if !self.is_new(sequence, first_segment_lsn) {
            return Ok(());
        }
        // That of a replacement says so at its end.
        if let Some(renewal) = stamps.and_then(|(_, rest)| Renewal::from_bytes(rest)) {
            self.renewals.note(renewal);
            self.wide.note_renewal(sequence, renewal.supplier);
        }
        let Some(mut slices) = slices else { return Ok(()) };
        slices.sort_unstable_by_key(|(index, _)| *index);
        // Frames that were given up and appended again may both be there, and are the same.
        slices.dedup_by_key(|(index, _)| *index);
        for (_, packed) in slices {
            let mut slice = unpack(&packed, frame)?;
            slice.note_commit(sequence);
            slice.share_filter(&self.filters);
            self.slices.push(Arc::new(slice));
            let tail = std::mem::take(&mut self.slices);
            self.slices = join_small(tail, &self.filters);
        }
        Ok(())
    }

    fn take_catalogue(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        let (sequence, text) = sequence_of(frame)?;
        if !self.is_new(sequence, frame.segment_lsn) {
            return Ok(());
        }
        let effects = effects_of(text, frame)?;
        self.wide.note(sequence, &self.catalogue, &effects);
        self.catalogue.apply_all(&effects).map_err(|detail| frame.damaged(detail))
    }

    /// Counts a commit that is not in the runs yet; false when it is.
    fn is_new(&mut self, sequence: u64, first_segment_lsn: u64) -> bool {
        if sequence <= self.checkpoint {
            return false;
        }
        self.sequence = self.sequence.max(sequence);
        self.commits += 1;
        self.newest_by_segment.insert(first_segment_lsn, sequence);
        true
    }
}

/// Reads a frame as recovery would, and keeps nothing of it.
///
/// # Errors
///
/// [`ReplayError::Damaged`] when its payload makes no sense.
pub(crate) fn check_frame(frame: &Frame<'_>) -> Result<(), ReplayError> {
    match frame.kind {
        FrameKind::Slice => match frame.payload.split_first_chunk::<4>() {
            Some((_index, packed)) => unpack(packed, frame).map(drop),
            None => Err(frame.damaged("slice is too short")),
        },
        FrameKind::Commit => sequence_of(frame).map(drop),
        FrameKind::Catalogue => effects_of(sequence_of(frame)?.1, frame).map(drop),
        FrameKind::Marker => Ok(()),
    }
}

fn effects_of(text: &[u8], frame: &Frame<'_>) -> Result<Vec<Effect>, ReplayError> {
    serde_json::from_slice(text).map_err(|error| frame.damaged(error.to_string()))
}

/// The number of a commit or change, and what follows it.
fn sequence_of<'a>(frame: &Frame<'a>) -> Result<(u64, &'a [u8]), ReplayError> {
    match frame.payload.split_first_chunk() {
        Some((sequence, rest)) => Ok((u64::from_be_bytes(*sequence), rest)),
        None => Err(frame.damaged("commit has no number")),
    }
}

fn unpack(packed: &[u8], frame: &Frame<'_>) -> Result<Slice, ReplayError> {
    let mut rows = Vec::new();
    if let Err(detail) = block::decode(packed, &mut rows) {
        return Err(frame.damaged(detail));
    }
    Slice::from_bytes(&rows).ok_or_else(|| frame.damaged("a slice makes no sense"))
}
