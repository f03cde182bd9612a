//! What is told of this very process.

use std::fs::{self, File};

use test_support::exposition::parse;

use super::{Exposition, ProcessMetrics};
use crate::{metrics::exposition::Format, now_seconds};

#[test]
fn the_process_is_told_as_it_is() {
    let held: Vec<_> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
    let mut all = Exposition::default();
    ProcessMetrics::begin().tell(&mut all);
    let families = parse(&all.write(Format::Prometheus).unwrap()).unwrap();
    let value = |name: &str| {
        let family = families.iter().find(|family| family.name == name).unwrap();
        family.samples[0].value
    };
    assert!((value("sluice_process_start_time_seconds") - f64::from(now_seconds())).abs() < 60.0);
    assert!(0.0 < value("sluice_process_cpu_seconds_total"));
    assert!((1e6..1e12).contains(&value("sluice_process_resident_memory_bytes")));
    let listed = fs::read_dir("/proc/self/fd").unwrap().count();
    // Other tests open and close files meanwhile.
    assert!(20.0 < value("sluice_process_open_fds"), "{listed} are open");
    assert!(value("sluice_process_open_fds") <= value("sluice_process_max_fds"));
    drop(held);
}
