//! The engines that Sluice is compared with; `cargo xtask compare` calls this.
//!
//! In: an engine, a feed of one indicator object a line, how many lines are acknowledged together, and values to look
//! up. Out: what each round took, as JSON. Rows, requests and queries are made before the clock starts, which favors
//! these engines: in Sluice's own rate there are HTTP and JSON.

mod draw;
mod engine;
mod fjall;
#[path = "../../../crates/xtask/src/compare/measure.rs"]
mod measure;
mod postgresql;
#[path = "../../../crates/xtask/src/proc.rs"]
mod proc;
mod redis;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod rows;
mod server;

use anyhow::Result;
use clap::Parser;

use crate::engine::Plan;

/// Feeds one engine and prints what that took.
#[derive(Parser)]
enum Task {
    /// Draws values to look up from a feed.
    Draw(draw::Draw),
    /// PostgreSQL from Debian's package `postgresql`, on a private socket.
    Postgresql(Plan),
    /// Redis from Debian's package `redis-server`, on a private socket.
    Redis(Plan),
    /// fjall inside this process.
    Fjall(Plan),
    /// RocksDB of Debian's package `librocksdb-dev` inside this process.
    Rocksdb(Plan),
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn main() -> Result<()> {
    let outcome = match Task::parse() {
        Task::Draw(draw) => return draw.run(),
        Task::Postgresql(plan) => plan.run(postgresql::Postgresql::start)?,
        Task::Redis(plan) => plan.run(redis::Redis::start)?,
        Task::Fjall(plan) => plan.run(fjall::Fjall::open)?,
        #[cfg(feature = "rocksdb")]
        Task::Rocksdb(plan) => plan.run(rocksdb::Rocksdb::open)?,
        #[cfg(not(feature = "rocksdb"))]
        Task::Rocksdb(_) => anyhow::bail!("RocksDB is not installed (Debian: librocksdb-dev)"),
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}
