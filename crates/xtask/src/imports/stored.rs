//! What a feed comes to once it is stored.
//!
//! In: values as they were sent, or a supplier's export. Out: the indicators in order. Both are read by the oracle,
//! which shares no code with the daemon.

use anyhow::{Result, ensure};
use serde_json::Value;
use test_support::{client::Client, oracle};

/// Indicators, each once, in the order of their text.
pub(super) struct Stored {
    indicators: Vec<String>,
    /// Values that are none.
    refused: Vec<String>,
}

impl Stored {
    /// What a supplier must have that sent these and nothing else.
    pub(super) fn of_values(values: &[String]) -> Self {
        let (mut indicators, mut refused) = (Vec::new(), Vec::new());
        for value in values {
            match oracle::normal_form(value) {
                Some(indicator) => indicators.push(indicator),
                None => refused.push(value.clone()),
            }
        }
        indicators.sort_unstable();
        indicators.dedup();
        Self { indicators, refused }
    }

    /// What a supplier has, read as if it were pushed again.
    ///
    /// # Errors
    ///
    /// When the export fails, is cut off, or has an indicator twice or one that is none.
    pub(super) fn of_supplier(client: &mut Client, supplier: &str) -> Result<Self> {
        let path = format!("/v1/suppliers/{supplier}/indicators");
        let answer = client.ask("GET", &path, b"")?.answer;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        let (mut values, mut has_end) = (Vec::new(), false);
        for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_slice(line)?;
            match row.get("indicator").and_then(Value::as_str) {
                Some(indicator) => values.push(indicator.to_owned()),
                None => has_end = row.get("end").is_some(),
            }
        }
        ensure!(has_end, "the export has no end");
        let stored = Self::of_values(&values);
        ensure!(stored.refused.is_empty(), "exported indicators are none: {:?}", stored.refused);
        ensure!(
            stored.count() == values.len(),
            "{} exported rows, {} indicators",
            values.len(),
            stored.count()
        );
        Ok(stored)
    }

    /// Number of indicators.
    pub(super) fn count(&self) -> usize {
        self.indicators.len()
    }

    /// Number of values that are none.
    pub(super) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// Makes sure that a supplier has these and no others.
    ///
    /// # Errors
    ///
    /// The first that differs.
    pub(super) fn compare(&self, stored: &Self) -> Result<()> {
        let mut pairs = self.indicators.iter().zip(&stored.indicators);
        let differing = pairs.find(|(expected, found)| expected != found);
        ensure!(differing.is_none(), "stored is not what was sent: {differing:?}");
        ensure!(self.count() == stored.count(), "{} indicators stored, not {}", stored.count(), self.count());
        Ok(())
    }
}
