//! Developer commands: what CI runs, and the long forms of the crash tests.
//!
//! In: a command with its sizes. Out: text, and exit code 0 when all was well. Everything that a command needs
//! beside the toolchain and a C compiler it builds itself.
#![expect(clippy::print_stdout, reason = "these commands are for people who watch them")]

mod book;
mod ci;
mod command;
mod compare;
mod feed;
mod formats;
mod imports;
mod load;
mod nspawn;
mod proc;
mod program;
mod prometheus;
mod release;
mod schemathesis;
mod shippers;
mod tidy;
mod tools;
mod workspace;

use anyhow::{Result, anyhow, ensure};
use clap::Parser;
use test_support::{crash, faults, oracle, powercut};

use self::workspace::{Profile, build, root};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Developer commands")]
enum Task {
    /// Runs every step of CI and stops at the first that fails.
    Ci,
    /// Checks what no compiler checks: arrows between crates, headers, lengths, lints, dead files, links.
    Tidy,
    /// Writes the book of `docs` as HTML.
    Book,
    /// Kills the daemon again and again and compares with the clients' ledgers (T1).
    Crash {
        /// Number of kills.
        #[arg(long, default_value_t = 500)]
        cycles: u32,
        /// What everything is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How the daemon is built.
        #[arg(long, value_enum, default_value_t = Profile::Dev)]
        profile: Profile,
    },
    /// Cuts the power of the recorded disk of a store, and of a daemon, again and again and compares with the ledger (T2).
    Powercut {
        /// Number of images of a store.
        #[arg(long, default_value_t = 200)]
        images: u32,
        /// Number of images that a daemon serves.
        #[arg(long, default_value_t = 50)]
        daemon_images: u32,
        /// What everything but the threads' timing is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Compares lookups and refusals with a plain reading of the contract.
    Oracle {
        /// Number of lookups.
        #[arg(long, default_value_t = 1_000_000)]
        lookups: u64,
        /// What everything is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How the daemon is built.
        #[arg(long, value_enum, default_value_t = Profile::Release)]
        profile: Profile,
    },
    /// Lets calls to the disk fail under the daemon, at its start, in its run and at its stop (T3).
    Faults {
        /// Number of points at which calls fail.
        #[arg(long, default_value_t = 500)]
        points: u32,
        /// What the points are drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How the daemon is built.
        #[arg(long, value_enum, default_value_t = Profile::Dev)]
        profile: Profile,
    },
    /// Tries alerts, dashboard and scrapes with a real Prometheus, which Debian's package prometheus brings.
    Prometheus {
        /// How the daemon is built.
        #[arg(long, value_enum, default_value_t = Profile::Dev)]
        profile: Profile,
    },
    /// Asks a daemon by the thousand what its document says that it takes, and holds every answer to it.
    Schemathesis(schemathesis::Schemathesis),
    /// Lets real clients of Elasticsearch push, while requests are refused, answered with 429 and 503, and cut off.
    ///
    /// Python's and JavaScript's are fetched by pip and npm, rsyslog and syslog-ng as packages of the Debian that this runs on.
    Shippers(shippers::Shippers),
    /// Loads lists of a nasty corpus into the programs that are installed, and asks them.
    ///
    /// Debian's packages bind9, unbound, pdns-recursor, dnsmasq-base, nftables, ipset, nginx, haproxy, squid, postfix and suricata have them; what is not
    /// installed is said to be absent.
    Formats(formats::Formats),
    /// Tries the package on a fresh Debian under a real systemd.
    Nspawn(Box<nspawn::Nspawn>),
    /// Makes all that a release consists of: package for Debian, static binary, image, bill of materials, checksums.
    Release(release::Release),
    /// Pushes a feed into a fresh daemon and measures.
    Load(Box<load::Load>),
    /// Pushes a feed by every way in, compares what is stored with the oracle, and measures each beside the CyberTrace array.
    Imports(imports::Imports),
    /// Feeds Sluice and what one would run instead, and measures all alike.
    ///
    /// PostgreSQL, Redis and RocksDB are those of Debian's packages postgresql, redis-server and librocksdb-dev; what
    /// is not installed is left out. Servers are started on private sockets in a scratch directory and stopped at the
    /// end.
    Compare(Box<compare::Compare>),
}

/// Share of the images of a power cut whose store is large: they take longer, and find more.
const LARGE_IMAGES_PERCENT: u32 = 40;

fn main() -> Result<()> {
    match Task::parse() {
        Task::Ci => ci::run(),
        Task::Tidy => tidy::run(&root()?),
        Task::Book => {
            println!("{}", book::write()?.display());
            Ok(())
        }
        Task::Crash { cycles, seed, profile } => {
            let daemon = build("sluice-server", "sluiced", profile)?;
            println!("{}", crash::run(&daemon, cycles, seed));
            Ok(())
        }
        Task::Faults { points, seed, profile } => {
            let daemon = build("sluice-server", "sluiced", profile)?;
            let summary = faults::run(&daemon, points, seed).map_err(|broken| anyhow!(broken))?;
            println!("{summary}");
            Ok(())
        }
        Task::Powercut { images, daemon_images, seed } => {
            let workload = build("test-support", "powercut-workload", Profile::Dev)?;
            println!("seed {seed}");
            let large_images = images * LARGE_IMAGES_PERCENT / 100;
            let small_images = images - large_images;
            let plan =
                powercut::Plan { workload: &workload, small_images, large_images, seed, deaf_to: None };
            let summary = powercut::run(&plan).map_err(|loss| anyhow!(loss))?;
            println!("seed {seed}: {summary}");
            let daemon = build("sluice-server", "sluiced", Profile::Dev)?;
            let summary =
                powercut::served::run(&daemon, daemon_images, seed, None).map_err(|loss| anyhow!(loss))?;
            println!("seed {seed}, the daemon: {summary}");
            Ok(())
        }
        Task::Oracle { lookups, seed, profile } => {
            let daemon = build("sluice-server", "sluiced", profile)?;
            let summary = oracle::run(&daemon, lookups, seed);
            println!("{summary}");
            ensure!(summary.differences == 0, "the daemon is not as the contract reads");
            Ok(())
        }
        Task::Prometheus { profile } => prometheus::run(profile),
        Task::Schemathesis(schemathesis) => schemathesis.run(),
        Task::Shippers(shippers) => shippers.run(),
        Task::Formats(formats) => formats.run(),
        Task::Nspawn(nspawn) => nspawn.run(),
        Task::Release(release) => release.run(),
        Task::Load(load) => load.run(),
        Task::Imports(imports) => imports.run(),
        Task::Compare(compare) => compare.run(),
    }
}
