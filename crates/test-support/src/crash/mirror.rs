//! A copy of what is stored, kept by `GET /v1/changes` alone: begun by one export, followed while the daemon is killed under it.
//!
//! In: a daemon that works, and again after each kill. Out: that the copy then equals an export, and that no cursor was ever refused. An
//! answer that breaks off is asked for again with the cursor before, as any reader would, and what came of it counts already.

use std::{collections::BTreeMap, io};

use serde_json::Value;

use crate::client::Client;

/// Rows by indicator, without their times, which may be told a second apart.
type Rows = BTreeMap<String, String>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    /// How far it has come; `None` until it is begun.
    cursor: Option<String>,
    rows: Rows,
}

impl Mirror {
    /// Goes on until the daemon is gone.
    pub(super) fn follow(&mut self, client: &mut Client) {
        while self.step(client, "&wait=1").is_ok() {}
    }

    /// Goes on to the present, where nobody changes anything, and fails unless it equals an export; gives the number of rows.
    pub(super) fn check(&mut self, client: &mut Client) -> u64 {
        while self.cursor.is_some() && self.step(client, "").unwrap() {}
        let mut exported = Rows::new();
        let answer = client.request("GET", "/v1/indicators", b"").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        for line in answer.text().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            if row["end"] != true {
                put(&mut exported, row);
            }
        }
        if self.cursor.is_none() {
            self.rows.clone_from(&exported);
            self.cursor = answer.cursor;
        }
        assert_eq!(self.rows, exported, "the copy at {:?} differs from an export", self.cursor);
        exported.len() as u64
    }

    /// Takes one answer; true if it told anything.
    fn step(&mut self, client: &mut Client, wait: &str) -> io::Result<bool> {
        let Some(cursor) = &self.cursor else { return Err(io::ErrorKind::NotFound.into()) };
        let (target, mut text) = (format!("/v1/changes?after={cursor}{wait}"), Vec::new());
        let answer =
            client.request_in_pieces("GET", &target, b"", &mut |piece| text.extend_from_slice(piece));
        let is_told = match &answer {
            Ok(answer) if matches!(answer.status, 425 | 429 | 503) => false,
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&text));
                true
            }
            Err(_) => true,
        };
        if !is_told {
            return Err(io::ErrorKind::Other.into());
        }
        // Without its end, the last line may be a part of one.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split_inclusive(|byte| *byte == b'\n') {
            let mut told: Value = serde_json::from_slice(line).unwrap();
            match told.as_object_mut().unwrap().remove("op").unwrap().as_str() {
                Some("remove") => drop(self.rows.remove(told["indicator"].as_str().unwrap())),
                _ => put(&mut self.rows, told),
            }
        }
        let answer = answer?;
        assert!(answer.cursor.is_some(), "an answer without a cursor");
        self.cursor = answer.cursor;
        Ok(!text.is_empty())
    }
}

fn put(rows: &mut Rows, mut row: Value) {
    for holding in row["suppliers"].as_array_mut().unwrap() {
        let holding = holding.as_object_mut().unwrap();
        holding.remove("updated").unwrap();
        holding.remove("expires").unwrap();
    }
    rows.insert(row["indicator"].as_str().unwrap().to_owned(), row.to_string());
}
