//! The chart of push rates, as SVG.
//!
//! In: summaries. Out: two bars for each engine, the fastest first. The scale is linear, because lengths are read as
//! amounts: twice as long is twice as fast. No background, and grays and colors that show on white as on black, since a
//! picture in a README does not know the theme.

use super::{engines::Engine, measure::Work, summary::EngineSummary, table::grouped};

const WIDTH: f64 = 760.0;
/// Where bars begin and how long the longest is; the rest is for names and numbers.
const BARS_LEFT: f64 = 140.0;
const BARS_WIDTH: f64 = 470.0;
const TOP: f64 = 64.0;
const BAR_HEIGHT: f64 = 15.0;
const ROW_HEIGHT: f64 = 44.0;
const OURS: &str = "#2f81f7";
const THEIRS: &str = "#8b949e";
const INK: &str = "#768390";
/// How much of a bar shows that is for the second push.
const AGAIN_OPACITY: &str = "0.55";

/// Draws the chart.
pub(super) fn chart(summaries: &[EngineSummary]) -> String {
    let rate = |summary: &EngineSummary, work| summary.rate(work).map_or(0.0, |rate| rate.median);
    let mut sorted: Vec<_> = summaries.iter().collect();
    sorted.sort_by(|a, b| rate(b, Work::Push).total_cmp(&rate(a, Work::Push)));
    let both = [Work::Push, Work::PushAgain];
    let longest = sorted.iter().flat_map(|summary| both.map(|work| rate(summary, work))).fold(1.0, f64::max);
    let rows = (0_u8..).zip(&sorted).map(|(index, summary)| {
        row(TOP + f64::from(index) * ROW_HEIGHT, summary, |work| rate(summary, work), longest)
    });
    let body: String = rows.collect();
    let height = TOP + f64::from(u8::try_from(sorted.len()).unwrap_or(u8::MAX)) * ROW_HEIGHT;
    let legend = format!(
        "<text x=\"{BARS_LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">Durable indicators a second, client on \
         the same machine</text>\n<text x=\"{BARS_LEFT}\" y=\"44\">upper bar: new; lower bar: the same feed again; \
         linear scale</text>\n"
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <title>Durable indicators a second</title>\n{legend}{body}</svg>\n"
    )
}

fn row(y: f64, summary: &EngineSummary, rate: impl Fn(Work) -> f64, longest: f64) -> String {
    let is_ours = summary.engine == Engine::Sluice;
    let (color, weight) = if is_ours { (OURS, "bold") } else { (THEIRS, "normal") };
    let (x, middle, name) = (BARS_LEFT - 10.0, y + BAR_HEIGHT + 4.0, summary.engine.name());
    let name = format!(
        "<text x=\"{x}\" y=\"{middle}\" text-anchor=\"end\" font-weight=\"{weight}\">{name}</text>\n"
    );
    let again_y = y + BAR_HEIGHT + 2.0;
    let bars = [(Work::Push, "1", y), (Work::PushAgain, AGAIN_OPACITY, again_y)].map(|(work, opacity, y)| {
        let rate = rate(work);
        let width = rate / longest * BARS_WIDTH;
        if 0.0 < rate { bar(y, width, color, opacity, &grouped(rate)) } else { String::new() }
    });
    name + &bars.concat()
}

fn bar(y: f64, width: f64, color: &str, opacity: &str, number: &str) -> String {
    let (number_x, number_y) = (BARS_LEFT + width + 6.0, y + BAR_HEIGHT - 3.0);
    format!(
        "<rect x=\"{BARS_LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" rx=\"2\" fill=\"{color}\" \
         fill-opacity=\"{opacity}\"/>\n<text x=\"{number_x:.1}\" y=\"{number_y}\" font-size=\"12\">{number}</text>\n"
    )
}
