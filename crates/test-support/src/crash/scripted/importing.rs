//! Imports of a scripted client: in any form, in one step or several, and gone on with after a crash.
//!
//! In: an operation. Out: a request, and of an import in several steps what may be there after a crash.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DOMAIN, Outcome, Planned, ScriptedClient, Way, judge, kind};
use crate::{
    client::Client,
    crash::forms::{Body, pieces_of},
    import_form::ImportForm,
    script::{Change, Model, Operation, supplier_name},
};

impl ScriptedClient {
    /// What an operation comes to in a form.
    pub(super) fn told(&self, form: ImportForm, mut operation: Operation) -> Operation {
        if let Operation::Put(groups) | Operation::Replace(groups) = &mut operation {
            for (group, rows) in groups.iter_mut().enumerate() {
                for (row, (key, change)) in rows.iter_mut().enumerate() {
                    let note = format!("{}-{group}-{row}", self.operations);
                    *change = form.told(kind(*key), change, &note);
                }
            }
        }
        operation
    }

    pub(super) fn perform_import(&mut self, client: &mut Client, planned: &Planned) -> Outcome {
        let Way::Import { is_long, key, .. } = &planned.way else { panic!("it is no import") };
        let (method, path) = self.import_path(planned);
        let body = self.import_body(planned).text;
        let answer = client.request_with(method, &path, key, body.as_bytes());
        if let Ok(answer) = &answer {
            if answer.status == 200 {
                self.imports.note((method, &path), key, answer);
            }
            let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            // What a step had before the disk was full is there.
            if *is_long && answer.status == 507 && 0 < problem["committed_lines"].as_u64().unwrap_or(0) {
                return Outcome::Unanswered;
            }
        }
        judge(answer, 200, &planned.operation)
    }

    /// Method and path of an import.
    fn import_path(&self, planned: &Planned) -> (&'static str, String) {
        let Way::Import { form, .. } = &planned.way else { panic!("it is no import") };
        let (method, mode) = match &planned.operation {
            Operation::Delete(_) => ("DELETE", ""),
            Operation::Replace(_) => ("POST", "&mode=replace&max_shrink=100"),
            _ => ("POST", ""),
        };
        let supplier = supplier_name(self.number);
        (method, format!("/v1/suppliers/{supplier}/indicators?format={}{mode}", form.word()))
    }

    fn import_body(&self, planned: &Planned) -> Body {
        let Way::Import { form, is_long, .. } = planned.way else { panic!("it is no import") };
        match &planned.operation {
            Operation::Put(groups) => self.body(form, groups, planned.bad, is_long),
            Operation::Replace(groups) => self.body(form, groups, 0, is_long),
            Operation::Delete(keys) => self.delete_body(form, keys),
            operation => panic!("{operation:?} is no import"),
        }
    }

    pub(super) fn body(
        &self,
        form: ImportForm,
        groups: &[Vec<(u32, Change)>],
        bad: u64,
        is_long: bool,
    ) -> Body {
        let mut body = Body::new(form);
        for (number, group) in (1..).zip(groups) {
            let is_step = is_long && number < groups.len();
            for (index, (key, change)) in group.iter().enumerate() {
                let pieces = if is_step { pieces_of(index, group.len()) } else { 0 };
                body.row(kind(*key), &self.indicator(*key), change, pieces);
            }
        }
        for _ in 0..bad {
            body.refused_row(DOMAIN, "bad\\.example.com");
        }
        body.end();
        body
    }

    pub(super) fn delete_body(&self, form: ImportForm, keys: &[u32]) -> Body {
        self.body(form, &[keys.iter().map(|key| (*key, Change::Touch)).collect()], 0, false)
    }

    /// Goes on with a long import of which so many rows are there: no fewer than were told. A replacement begins anew.
    pub(super) fn resume(&mut self, client: &mut Client, planned: &Planned, key: &str, rows: usize) {
        let batch = client.request("GET", &format!("/v1/batches/{}", batch_id(key)), b"").unwrap();
        // The first that is told of it may have been lost.
        let told: Value = serde_json::from_slice(&batch.body).unwrap();
        let told_lines = if batch.status == 404 { 0 } else { told["committed_lines"].as_u64().unwrap() };
        let committed_lines = told_lines.max(self.seen_lines);
        let body = self.import_body(planned);
        let told_rows = body.row_lines.iter().filter(|line| **line <= committed_lines).count();
        assert!(
            told_rows <= rows,
            "client {}: {rows} rows of {told_rows}, told {} and {}",
            self.number,
            self.seen_lines,
            batch.text()
        );
        let (method, path) = self.import_path(planned);
        let mut send =
            |path: &str, headers| client.request_with(method, path, headers, body.text.as_bytes()).unwrap();
        let answer = if matches!(planned.operation, Operation::Replace(_)) {
            // Its rest alone would be the whole feed.
            let half = send(&format!("{path}&from_line={}", body.row_lines[0] + 1), "");
            assert_eq!(half.status, 422, "client {}: {}", self.number, half.text());
            send(&path, key)
        } else {
            send(&format!("{path}&from_line={}", committed_lines + 1), "")
        };
        assert_eq!(answer.status, 200, "client {}: {}", self.number, answer.text());
        self.answered.apply(&planned.operation);
        assert_eq!(self.look_up(client), Outcome::Read, "client {}", self.number);
        self.counts.resumed += 1;
        self.counts.resumed_behind_steps += u64::from(0 < committed_lines);
    }

    /// Takes down what was told of the import that has no answer, by batch, before the daemon was killed.
    pub(crate) fn hear(&mut self, told_lines: &BTreeMap<String, u64>) {
        let Some(Planned { way: Way::Import { key, .. }, .. }) = &self.in_flight else { return };
        self.seen_lines = told_lines.get(batch_id(key)).copied().unwrap_or(0);
    }
}

/// The id of the batch with this key, empty if it has none.
fn batch_id(key: &str) -> &str {
    key.split_whitespace().last().unwrap_or("")
}

impl Planned {
    /// How many rows of it there are in what was found after a crash, if it may be that: of a long import any that it begins
    /// with, of anything else all or none.
    pub(super) fn rows_in(&self, found: &Model, before: &Model) -> Option<usize> {
        let mut model = before.clone();
        let mut rows = (model == *found).then_some(0);
        if let (Operation::Put(groups), Way::Import { is_long: true, .. }) = (&self.operation, &self.way) {
            for (number, row) in (1..).zip(groups.iter().flatten()) {
                model.apply(&Operation::Put(vec![vec![row.clone()]]));
                rows = if model == *found { Some(number) } else { rows };
            }
            return rows;
        }
        model.apply(&self.operation);
        if model == *found { Some(usize::MAX) } else { rows }
    }
}
