//! Runs a store under the recorder of the power-cut test: `run DIR SEED` or `recover DIR`.

use std::path::Path;

use test_support::powercut::workload;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "run", dir, seed] => workload::run(Path::new(dir), seed.parse().unwrap_or_default()),
        [_, "recover", dir] => workload::recover(Path::new(dir)),
        _ => std::process::abort(),
    }
}
