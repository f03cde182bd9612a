//! Tables and the chart from figures made up: only the helper knows how figures come about.

use expect_test::expect;

use super::{grouped, markdown, text};
use crate::compare::{
    engines::Engine,
    measure::{Outcome, Round, Work},
    plot::chart,
    summary::EngineSummary,
};

fn run(engine: Engine, pushed_per_second: u64) -> (Engine, Outcome) {
    let round = |work, factor| Round {
        work,
        count: pushed_per_second * factor,
        seconds: 1.0,
        cpu_seconds: Some(1.5),
        peak_resident_bytes: (engine == Engine::Sluice).then_some(300 << 20),
        disk_bytes: 54_000_000 * factor,
    };
    let rounds = vec![round(Work::Push, 1), round(Work::PushAgain, 2)];
    (engine, Outcome { version: "1".to_owned(), settings: "defaults".to_owned(), rounds })
}

fn summaries() -> Vec<EngineSummary> {
    let outcomes = [
        run(Engine::Redis, 100_400),
        run(Engine::Sluice, 1_000_000),
        run(Engine::Sluice, 1_200_000),
        run(Engine::Sluice, 900_000),
    ];
    [Engine::Sluice, Engine::Redis, Engine::Fjall]
        .into_iter()
        .filter_map(|engine| EngineSummary::of(engine, &outcomes))
        .collect()
}

#[test]
fn the_median_counts_and_an_engine_without_runs_has_no_row() {
    expect![[r#"
        |  | push, new /s | push, again /s | lookup, hits /s | lookup, misses /s | CPU s per million pushed | MiB resident | MB on disk | after the second push |
        |---|---:|---:|---:|---:|---:|---:|---:|---:|
        | Sluice | 1,000,000 [900,000 to 1,200,000] | 2,000,000 [1,800,000 to 2,400,000] | - | - | 1.50 | 300 | 54 | 108 |
        | Redis | 100,000 (10.0 x) | 201,000 (10.0 x) | - | - | 14.94 | - | 54 | 108 |
    "#]].assert_eq(&markdown(&summaries()));
}

#[test]
fn columns_stand_below_each_other() {
    expect![[r#"
                push, new /s                      push, again /s                      lookup, hits /s  lookup, misses /s  CPU s per million pushed  MiB resident  MB on disk  after the second push
        Sluice  1,000,000 [900,000 to 1,200,000]  2,000,000 [1,800,000 to 2,400,000]  -                -                  1.50                      300           54          108
        Redis   100,000 (10.0 x)                  201,000 (10.0 x)                    -                -                  14.94                     -             54          108
    "#]].assert_eq(&text(&summaries()));
}

#[test]
fn rates_have_three_digits() {
    for (rate, want) in [(0.4, "0"), (36_449.0, "36,400"), (999.0, "999"), (1_063_500.0, "1,060,000")] {
        assert_eq!(grouped(rate), want);
    }
}

#[test]
fn the_longest_bar_is_the_fastest_and_comes_first() {
    let chart = chart(&summaries());
    let (sluice, redis) = (chart.find(">Sluice<").unwrap(), chart.find(">Redis<").unwrap());
    assert!(sluice < redis, "{chart}");
    assert!(chart.contains("width=\"470.0\"") && chart.contains(">2,000,000<"), "{chart}");
}
