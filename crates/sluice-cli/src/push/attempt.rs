//! The body of one try of a request.
//!
//! In: the content of a piece. Out: its bytes, as the connection takes them, each counted; nothing more once the try is over, so that a
//! daemon that answers early is not sent the rest. Reading a file is quick enough not to leave the thread for it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::pieces::Content;

/// Bytes that are read and sent at once.
const BLOCK_BYTES: usize = 256 << 10;

/// A try. Dropping it ends its body, and takes back what it has counted unless it succeeded.
pub(super) struct Attempt {
    shared: Arc<Shared>,
}

struct Shared {
    is_over: AtomicBool,
    /// Bytes that were sent in this try.
    sent: AtomicU64,
    /// Bytes that were sent in all.
    total: Arc<AtomicU64>,
    began: Instant,
    /// From then until bytes were taken last, or the daemon was known to be at work.
    taken_ms: AtomicU64,
    /// Why the content could not be read.
    read_error: OnceLock<String>,
}

/// What is sent.
pub(super) struct AttemptBody {
    content: Content,
    offset: u64,
    shared: Arc<Shared>,
}

impl Attempt {
    /// Begins a try, whose bytes are counted in `total`.
    pub(super) fn begin(content: &Content, total: &Arc<AtomicU64>) -> (Self, AttemptBody) {
        let (is_over, sent, total) = (AtomicBool::new(false), AtomicU64::new(0), total.clone());
        let (began, taken_ms) = (Instant::now(), AtomicU64::new(0));
        let shared = Arc::new(Shared { is_over, sent, total, began, taken_ms, read_error: OnceLock::new() });
        let body = AttemptBody { content: content.clone(), offset: 0, shared: shared.clone() };
        (Self { shared }, body)
    }

    /// Why the content could not be read, if that is why the try came to nothing.
    pub(super) fn read_error(&self) -> Option<String> {
        self.shared.read_error.get().cloned()
    }

    /// Notes that the daemon is at work.
    pub(super) fn refresh(&self) {
        self.shared.refresh();
    }

    /// Time since the connection took something last, or the daemon was known to be at work.
    pub(super) fn idle(&self) -> Duration {
        let taken = Duration::from_millis(self.shared.taken_ms.load(Ordering::Relaxed));
        self.shared.began.elapsed().saturating_sub(taken)
    }

    /// Bytes that were sent.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Ends a try that succeeded.
    pub(super) fn succeed(self) {
        self.shared.sent.store(0, Ordering::Relaxed);
    }
}

impl Shared {
    fn refresh(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.taken_ms.store(elapsed, Ordering::Relaxed);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.shared.total.fetch_sub(self.shared.sent.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Body for AttemptBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.shared.is_over.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(io::Error::other("the request has been answered"))));
        }
        let block = match self.content.read_at(self.offset, BLOCK_BYTES) {
            Ok(block) if block.is_empty() => return Poll::Ready(None),
            Ok(block) => block,
            Err(error) => {
                self.shared.read_error.get_or_init(|| error.to_string());
                return Poll::Ready(Some(Err(error)));
            }
        };
        self.offset += block.len() as u64;
        self.shared.sent.fetch_add(block.len() as u64, Ordering::Relaxed);
        self.shared.total.fetch_add(block.len() as u64, Ordering::Relaxed);
        self.shared.refresh();
        Poll::Ready(Some(Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.bytes() <= self.offset
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.bytes() - self.offset)
    }
}
