//! Answers that tell how far an import is while its body arrives.
//!
//! In: the batch, and the work that ends with the text of its answer and what is left of the body. Out: an answer of NDJSON that begins at once: a line
//! `{"batch","rows","committed_lines"}` whenever more has been committed, a second apart at least, and the answer as the last
//! line, be it the summary or a problem. The status is 200 in any case, since it is sent before anything is known. The work
//! does not wait for a client that takes no lines, and goes on without it.

use std::{cell::Cell, convert::Infallible, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    dev::Payload,
    http::header::{self, HeaderMap},
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::{
    sync::oneshot,
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    batches::{Batches, id::BatchId},
    http::head,
};

/// Shortest time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// Whether a client wants to be told: it takes NDJSON, and no plain JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    head::is_accepted(headers, "application/x-ndjson") && !head::is_accepted(headers, "application/json")
}

/// Answers while the work is done.
pub(super) fn answer(
    batches: Arc<Batches>,
    tenant: String,
    id: BatchId,
    last_line: impl Future<Output = (String, Payload)> + 'static,
) -> HttpResponse {
    let (ended_out, ended) = oneshot::channel();
    // It ends with its body at the latest, or with the thread.
    drop(actix_web::rt::spawn(async move { drop(ended_out.send(last_line.await)) }));
    let body = Rc::new(Cell::new(Payload::None));
    let mut ticks = interval(LINE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lines =
        ProgressLines { batches, tenant, id, told_to: 0, ended: Some(ended), body: Rc::clone(&body), ticks };
    let lines = stream::unfold(lines, move |mut lines| {
        // It outlives the lines, and ends with the answer.
        let _kept = &body;
        async {
            let line = lines.next().await?;
            Some((Ok::<Bytes, Infallible>(line), lines))
        }
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .streaming(Box::pin(lines))
}

/// The lines of an answer.
struct ProgressLines {
    batches: Arc<Batches>,
    tenant: String,
    id: BatchId,
    told_to: u64,
    /// `None` after the last line.
    ended: Option<oneshot::Receiver<(String, Payload)>>,
    /// What is left of the body, until the answer is sent: without it, actix-web would wait for the rest.
    body: Rc<Cell<Payload>>,
    ticks: Interval,
}

impl ProgressLines {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let ended = self.ended.as_mut()?;
            tokio::select! {
                biased;
                last = ended => {
                    self.ended = None;
                    let (line, body) = last.ok()?;
                    self.body.set(body);
                    return Some(Bytes::from(line + "\n"));
                }
                _ = self.ticks.tick() => {}
            }
            let counts = self.batches.get(&self.tenant, self.id)?.summary.counts;
            if self.told_to < counts.committed_lines {
                self.told_to = counts.committed_lines;
                let line = json!({
                    "batch": self.id,
                    "rows": counts.rows,
                    "committed_lines": counts.committed_lines,
                });
                return Some(Bytes::from(format!("{line}\n")));
            }
        }
    }
}
