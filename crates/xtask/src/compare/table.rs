//! The summaries as a table, for a terminal and as Markdown.
//!
//! In: summaries, Sluice's among them or not. Out: text. Each rate has behind it how many times Sluice's is as high,
//! and the spread when there were several runs.

use super::{
    engines::Engine,
    measure::Work,
    summary::{EngineSummary, Figure},
};

const HEADINGS: [&str; 9] = [
    "",
    "push, new /s",
    "push, again /s",
    "lookup, hits /s",
    "lookup, misses /s",
    "CPU s per million pushed",
    "MiB resident",
    "MB on disk",
    "after the second push",
];

/// The table in columns.
pub(super) fn text(summaries: &[EngineSummary]) -> String {
    let rows = rows(summaries);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..HEADINGS.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// The table as Markdown.
pub(super) fn markdown(summaries: &[EngineSummary]) -> String {
    let mut lines: Vec<_> = rows(summaries).iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    lines.insert(1, format!("|---{}|\n", "|---:".repeat(HEADINGS.len() - 1)));
    lines.concat()
}

fn rows(summaries: &[EngineSummary]) -> Vec<Vec<String>> {
    let ours = summaries.iter().find(|summary| summary.engine == Engine::Sluice);
    let row = |summary: &EngineSummary| {
        let mut row = vec![summary.engine.name().to_owned()];
        for work in [Work::Push, Work::PushAgain, Work::Hits, Work::Misses] {
            row.push(rate(work, summary, ours));
        }
        let cpu = summary.figure(Work::Push, |round| Some(round.cpu_seconds? * 1e6 / whole(round.count)));
        row.push(shown(cpu, |seconds| format!("{seconds:.2}")));
        let resident = |work| summary.figure(work, |round| Some(whole(round.peak_resident_bytes?)));
        row.push(shown(resident(Work::PushAgain), |bytes| format!("{:.0}", bytes / f64::from(1 << 20))));
        for work in [Work::Push, Work::PushAgain] {
            let disk = summary.figure(work, |round| Some(whole(round.disk_bytes)));
            row.push(shown(disk, |bytes| format!("{:.0}", bytes / 1e6)));
        }
        row
    };
    let headings = HEADINGS.map(str::to_owned).to_vec();
    std::iter::once(headings).chain(summaries.iter().map(row)).collect()
}

fn rate(work: Work, summary: &EngineSummary, ours: Option<&EngineSummary>) -> String {
    let Some(rate) = summary.rate(work) else { return "-".to_owned() };
    let spread = if rate.least < rate.most {
        format!(" [{} to {}]", grouped(rate.least), grouped(rate.most))
    } else {
        String::new()
    };
    let ours = ours.filter(|ours| ours.engine != summary.engine).and_then(|ours| ours.rate(work));
    let ratio = ours.map_or_else(String::new, |ours| {
        let ratio = ours.median / rate.median;
        let decimals = if ratio < 1.0 { 2 } else { usize::from(ratio < 10.0) };
        format!(" ({ratio:.decimals$} x)")
    });
    [grouped(rate.median), spread, ratio].concat()
}

fn shown(figure: Option<Figure>, show: impl Fn(f64) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| show(figure.median))
}

#[expect(clippy::cast_precision_loss, reason = "shown in millions")]
fn whole(number: u64) -> f64 {
    number as f64
}

/// A rate in three digits, its thousands apart.
pub(super) fn grouped(rate: f64) -> String {
    let mut unit = 1.0;
    while 1_000.0 <= rate / unit {
        unit *= 10.0;
    }
    let digits = format!("{:.0}", (rate / unit).round() * unit);
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
