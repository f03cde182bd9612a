//! Values to look up: some that a feed has, and as many of the same kinds that it has not.
//!
//! In: a feed and a number. Out: two files of normal forms, one a line. The draw is seeded: equal feeds give equal
//! files.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use sluice_model::{Indicator, IndicatorKind};

use crate::rows::read_batches;

/// What to draw.
#[derive(Debug, clap::Args)]
pub(crate) struct Draw {
    /// File of one JSON object a line.
    #[arg(long)]
    feed: PathBuf,
    /// Values to draw of either sort.
    #[arg(long)]
    count: usize,
    /// Where the values of the feed go.
    #[arg(long)]
    known: PathBuf,
    /// Where the values go that the feed has not.
    #[arg(long)]
    unknown: PathBuf,
}

impl Draw {
    /// Draws.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written, or the feed has no indicator.
    pub(crate) fn run(&self) -> Result<()> {
        let rows: Vec<_> = read_batches(&self.feed, &[usize::MAX])?.into_iter().flatten().collect();
        let stored: BTreeSet<_> = rows.iter().map(|row| &row.indicator).collect();
        let mut known = BufWriter::new(File::create(&self.known)?);
        let mut unknown = BufWriter::new(File::create(&self.unknown)?);
        let mut dice = Dice(0);
        for _ in 0..self.count {
            let number = usize::try_from(dice.roll() % (rows.len().max(1) as u64))?;
            let drawn = &rows.get(number).context("the feed has no indicator")?.indicator;
            writeln!(known, "{drawn}")?;
            let other = loop {
                let other = Indicator::recognize(&other(drawn, &mut dice))?;
                if !stored.contains(&other) {
                    break other;
                }
            };
            writeln!(unknown, "{other}")?;
        }
        known.flush()?;
        unknown.flush()?;
        Ok(())
    }
}

/// A value of the same kind. A URL keeps its path and its top-level domain, so that no parent domain of it is stored.
fn other(drawn: &Indicator, dice: &mut Dice) -> String {
    let text = drawn.to_string();
    let mut digits = || format!("{:016x}", dice.roll());
    match drawn.kind() {
        IndicatorKind::Md5 | IndicatorKind::Sha1 | IndicatorKind::Sha256 => {
            let random = [digits(), digits(), digits(), digits()].concat();
            random.chars().take(text.len()).collect()
        }
        // An address stands for a network: engines that know none would not find it either way.
        IndicatorKind::Ip | IndicatorKind::Network => {
            let [.., a, b, c, d] = dice.roll().to_be_bytes();
            std::net::Ipv4Addr::new(a, b, c, d).to_string()
        }
        IndicatorKind::Url => {
            let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
            let top =
                host.rsplit('.').next().filter(|label| label.bytes().all(|byte| byte.is_ascii_lowercase()));
            format!("u{}.{}{path}", digits(), top.unwrap_or("com"))
        }
    }
}

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
