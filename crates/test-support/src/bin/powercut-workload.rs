//! Runs a store under the recorder of the power-cut test: `run DIR FORM SEED` or `recover DIR FORM`.

use std::path::Path;

use test_support::powercut::{Form, workload};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<_> = arguments.iter().skip(1).map(String::as_str).collect();
    let form = words.get(2).and_then(|word| Form::from_word(word));
    match (words.as_slice(), form) {
        (["run", dir, _, seed], Some(form)) => {
            workload::run(Path::new(dir), form, seed.parse().unwrap_or_default());
        }
        (["recover", dir, _], Some(form)) => workload::recover(Path::new(dir), form),
        _ => std::process::abort(),
    }
}
