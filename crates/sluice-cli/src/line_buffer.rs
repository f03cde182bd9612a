//! Pieces of a text to whole lines.

/// Keeps what has come of a line.
#[derive(Default)]
pub(crate) struct LineBuffer(Vec<u8>);

impl LineBuffer {
    /// Adds a piece, and takes all lines that are whole now, each with its end.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(piece);
        let whole = self.0.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let begun = self.0.split_off(whole);
        std::mem::replace(&mut self.0, begun)
    }

    /// Whether something has come of a line that is not whole.
    pub(crate) fn is_within_line(&self) -> bool {
        !self.0.is_empty()
    }
}
