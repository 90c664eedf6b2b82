//! Draws a timeline to scale.
//!
//! No inline style and no script: the stylesheet colours by class, and hatching is not needed
//! since held and waiting spans have dashed borders.

use std::fmt::{self, Write as _};

use super::{Doing, Lane, Timeline};
use crate::{
    show::{Html, Times, clock_seconds, escape},
    texts::{Texts, fill},
};

/// Units of the drawing; the page scales it.
const WIDTH: f64 = 960.0;
const LABELS: f64 = 180.0;
const RIGHT: f64 = 14.0;
const ROW: f64 = 30.0;
const BAR: f64 = 16.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 8.0;
/// Longer labels are cut; the whole one is in the title.
const LABEL_CHARS_MAX: usize = 22;
/// Narrower spans are drawn this wide, so that they can be seen.
const SPAN_MIN: f64 = 2.0;
/// Distances of ticks in seconds; the first that gives no more than `TICKS_MAX` is taken.
const STEPS_S: &[f64] = &[
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0,
    3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0,
];
const TICKS_MAX: f64 = 10.0;

/// What a span says to people.
pub(crate) fn doing_text(doing: Doing, t: &Texts) -> &'static str {
    match doing {
        Doing::Waiting => t.doing_waiting,
        Doing::Queued => t.doing_queued,
        Doing::Ringing => t.doing_ringing,
        Doing::Talking => t.doing_talking,
        Doing::Held => t.doing_held,
    }
}

impl Timeline {
    /// The drawing, with a label for those who cannot see it; a table beside it says the same.
    pub(crate) fn svg(&self, times: &Times) -> Html {
        let mut out = String::with_capacity(4096);
        // Writing into a string does not fail.
        let _ = self.draw(&mut out, times);
        Html::rendered(out)
    }

    fn draw(&self, out: &mut String, times: &Times) -> fmt::Result {
        let height = TOP + ROW * self.lanes.len() as f64 + BOTTOM;
        let label = fill(times.t.timeline_label, &[("length", &clock_seconds(self.seconds()))]);
        write!(
            out,
            "<svg class=\"tl\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
            escape(&label)
        )?;
        self.axis(out, height)?;
        for (row, lane) in self.lanes.iter().enumerate() {
            self.lane(out, lane, TOP + ROW * row as f64, times)?;
        }
        for mark in &self.marks {
            let x = self.x(mark.at.seconds_since(self.start));
            write!(
                out,
                "<line class=\"tl-mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{:.1}\"/>",
                TOP - 4.0,
                height - BOTTOM
            )?;
        }
        out.write_str("</svg>")
    }

    fn axis(&self, out: &mut String, height: f64) -> fmt::Result {
        let length = self.seconds();
        let enough = |step: &&f64| length / **step <= TICKS_MAX;
        let step = STEPS_S.iter().find(enough).copied().unwrap_or(length / TICKS_MAX);
        out.write_str("<g class=\"tl-axis\">")?;
        // At most TICKS_MAX, and the end of a call is far below 2^32 seconds.
        for tick in 0..=(length / step) as u32 {
            let at = f64::from(tick) * step;
            let x = self.x(at);
            write!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{:.1}\"/><text x=\"{x:.1}\" \
                 y=\"12\" text-anchor=\"middle\">{}</text>",
                TOP - 6.0,
                height - BOTTOM,
                if step < 1.0 { format!("{at:.1} s") } else { clock_seconds(at) }
            )?;
        }
        out.write_str("</g>")
    }

    fn lane(&self, out: &mut String, lane: &Lane, y: f64, times: &Times) -> fmt::Result {
        let middle = y + ROW / 2.0;
        let shown: String = if lane.label.chars().count() > LABEL_CHARS_MAX {
            lane.label.chars().take(LABEL_CHARS_MAX - 1).chain(['…']).collect()
        } else {
            lane.label.clone()
        };
        write!(
            out,
            "<line class=\"tl-row\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{:.1}\" y2=\"{:.1}\"/><text \
             x=\"0\" y=\"{:.1}\">{}<title>{}</title></text>",
            y + ROW,
            y + ROW,
            middle + 4.0,
            escape(&shown),
            escape(&lane.label)
        )?;
        for span in &lane.spans {
            let x = self.x(span.from.seconds_since(self.start));
            let length = span.to.seconds_since(span.from);
            let width = (self.x(span.to.seconds_since(self.start)) - x).max(SPAN_MIN);
            write!(
                out,
                "<rect class=\"{}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
                 height=\"{BAR}\" rx=\"2\"><title>{}: {} {}, {} – {}</title></rect>",
                span.doing.class(),
                middle - BAR / 2.0,
                escape(&lane.label),
                doing_text(span.doing, times.t),
                clock_seconds(length),
                escape(&times.exact(span.from)),
                escape(&times.exact(span.to)),
            )?;
        }
        Ok(())
    }

    /// Where a second of the call is in the drawing.
    fn x(&self, seconds: f64) -> f64 {
        let length = self.seconds();
        let part = if length > 0.0 { seconds / length } else { 0.0 };
        LABELS + part.clamp(0.0, 1.0) * (WIDTH - LABELS - RIGHT)
    }
}
