//! T2, the power cut: nothing answered is lost, nothing is torn, every start succeeds.
//!
//! In: the workload's binary, numbers of images and a seed. Out: a summary, or what was lost. A process with a
//! store is recorded by a preloaded shim (`shim.c`); from the trace, `disk` makes what may be left of the
//! directory when the power fails at a random moment; the store is opened from that and compared with the ledger
//! of answers. Some of these starts are recorded and cut in their turn.

mod bulk;
mod disk;
mod form;
mod ledger;
pub mod served;
mod trace;
pub mod workload;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use disk::{Disk, files};
pub use form::Form;
use ledger::Ledger;
use trace::{Event, overwritten_bytes, parse};
use workload::LEDGER;

use crate::dice::Dice;

/// Images that are made from one recording, at most.
const IMAGES_PER_RECORDING: u32 = 25;
/// Bytes of the trees that a large store must have written over, or it proves nothing.
const OVERWRITTEN_BYTES_MIN: usize = 64 << 20;
/// Share of the images whose recovery is cut again.
const RECOVERY_CUT_PERCENT: u64 = 25;
/// Share of the images that are written to and merged after the check.
const THOROUGH_PERCENT: u64 = 30;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The binary `powercut-workload`.
    pub workload: &'a Path,
    /// How many images of small stores to check.
    pub small_images: u32,
    /// How many images of stores of tens of mebibytes to check.
    pub large_images: u32,
    /// What everything but the threads' timing is drawn from.
    pub seed: u64,
    /// For testing the test: a disk on which syncs of paths below `root` that begin so do nothing.
    pub deaf_to: Option<&'a str>,
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PowercutSummary {
    /// Images that were opened and compared.
    pub images: u32,
    /// Of these, those of large stores.
    pub large_images: u32,
    /// Of these, those cut while a merge had done some of its parts.
    pub merging_images: u32,
    /// Of these, those of a power cut during recovery from another.
    pub recovery_images: u32,
    /// Of these, those cut just after the daemon told of a step of an import.
    pub step_images: u32,
    /// Runs of the workload.
    pub recordings: u32,
    /// Changes, opens and syncs in their traces.
    pub events: u64,
    /// Answered operations that had to be there, summed over the images.
    pub acked: u64,
    /// Batches of imports that had to be there, in the same way.
    pub batches: u64,
}

impl fmt::Display for PowercutSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            images,
            large_images,
            merging_images,
            recovery_images,
            step_images,
            recordings,
            events,
            acked,
            batches,
        } = self;
        write!(
            formatter,
            "{images} images ({large_images} large, {merging_images} amid a merge, \
             {recovery_images} cut during recovery, {step_images} behind a step) of {recordings} recordings with {events} \
             events: {acked} acknowledged operations and {batches} batches found, 0 lost, 0 torn, 0 unopenable"
        )
    }
}

/// Records, cuts, opens and compares.
///
/// # Errors
///
/// What was lost, with what is needed to look into it: the directory of the image is kept then, unless the disk
/// was made to lie.
pub fn run(plan: &Plan<'_>) -> Result<PowercutSummary, String> {
    let mut summary = PowercutSummary::default();
    let mut dice = Dice::new(&[plan.seed]);
    let tools = tempfile::tempdir().unwrap();
    let recorder = Recorder { shim: compile_shim(tools.path()), workload: plan.workload };
    for (form, wanted) in [(Form::Small, plan.small_images), (Form::Large, plan.large_images)] {
        let mut remaining = wanted;
        while 0 < remaining {
            // The low bits choose the style of the work, so they go round.
            let seed = (dice.next() & !3) | u64::from(summary.recordings % 4);
            let images = IMAGES_PER_RECORDING.min(remaining);
            let dir = tempfile::tempdir().unwrap();
            let recording =
                Recording { recorder: &recorder, form, seed, images, deaf_to: plan.deaf_to, dir: dir.path() };
            if let Err(loss) = recording.run(&mut dice, &mut summary) {
                let kept = if plan.deaf_to.is_none() { dir.keep() } else { PathBuf::new() };
                return Err(format!(
                    "seed {}, {} workload of seed {seed}, after {} good images: {loss}; see {}",
                    plan.seed,
                    form.word(),
                    summary.images,
                    kept.display()
                ));
            }
            summary.recordings += 1;
            remaining -= images;
        }
    }
    Ok(summary)
}

fn compile_shim(dir: &Path) -> PathBuf {
    let (source, shim) = (dir.join("shim.c"), dir.join("shim.so"));
    fs::write(&source, include_str!("powercut/shim.c")).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    let status = compiler.arg(&shim).arg(&source).args(["-ldl", "-pthread"]).status().unwrap();
    assert!(status.success(), "the shim does not compile");
    shim
}

struct Recorder<'a> {
    shim: PathBuf,
    workload: &'a Path,
}

impl Recorder<'_> {
    /// Runs the workload on `root` and returns the trace, or what it said when it failed.
    fn record(&self, root: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let trace = root.with_extension("trace");
        let mut command = Command::new(self.workload);
        command.arg(arguments[0]).arg(root).args(&arguments[1..]);
        command.env("LD_PRELOAD", &self.shim).env("POWERCUT_ROOT", root).env("POWERCUT_TRACE", &trace);
        let output = command.output().unwrap();
        if output.status.success() {
            return Ok(fs::read(trace).unwrap());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("the workload failed, {}: {}", output.status, String::from_utf8_lossy(&said)))
    }
}

struct Recording<'a> {
    recorder: &'a Recorder<'a>,
    form: Form,
    seed: u64,
    images: u32,
    deaf_to: Option<&'a str>,
    dir: &'a Path,
}

impl Recording<'_> {
    fn run(&self, dice: &mut Dice, summary: &mut PowercutSummary) -> Result<(), String> {
        let root = self.dir.canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        let base = files(&root);
        let trace = self.recorder.record(&root, &["run", self.form.word(), &self.seed.to_string()])?;
        let events = parse(&trace);
        summary.events += events.len() as u64;
        let mut cuts: Vec<usize> = (0..self.images).map(|_| draw_cut(dice, &events)).collect();
        cuts.sort_unstable();
        let mut cuts = cuts.into_iter().peekable();
        let mut disk = Disk::new(base, &trace, self.deaf_to);
        for (index, event) in events.iter().enumerate() {
            while cuts.next_if_eq(&index).is_some() {
                let loss = |loss| format!("cut before event {index} of {}: {loss}", events.len());
                self.check_image(&disk, dice, summary).map_err(loss)?;
            }
            disk.apply(event);
        }
        disk.check_complete(&root);
        let overwritten = overwritten_bytes(&events, "data/trees/db");
        assert!(self.form == Form::Small || OVERWRITTEN_BYTES_MIN <= overwritten, "only {overwritten}");
        Ok(())
    }

    fn check_image(
        &self,
        disk: &Disk<'_>,
        dice: &mut Dice,
        summary: &mut PowercutSummary,
    ) -> Result<(), String> {
        let notes = String::from_utf8(disk.current(LEDGER)).unwrap();
        let ledger = Ledger::read(&notes, self.form, self.seed);
        let image = self.fresh_dir("image");
        // A second copy, because opening changes the first.
        let again = dice.clone();
        disk.image(dice, &image);
        let manifest = fs::read_to_string(image.join("data/MANIFEST")).unwrap_or_default();
        let is_merging = manifest.contains("\"merge\": {");
        let is_cut_again = dice.chance(RECOVERY_CUT_PERCENT);
        let checked = if is_cut_again {
            self.check_recovery(&image, &ledger, dice)
        } else {
            ledger.check(&image, dice.chance(THOROUGH_PERCENT))
        };
        if checked.is_err() {
            disk.image(&mut again.clone(), &self.fresh_dir("image-before"));
            fs::write(self.dir.join("image-before.ledger"), notes).unwrap();
        }
        checked?;
        summary.images += 1;
        summary.merging_images += u32::from(is_merging);
        summary.large_images += u32::from(self.form == Form::Large);
        summary.recovery_images += u32::from(is_cut_again);
        summary.acked += ledger.acked;
        Ok(())
    }

    /// Lets the power fail again while the store recovers.
    fn check_recovery(&self, image: &Path, ledger: &Ledger, dice: &mut Dice) -> Result<(), String> {
        let base = files(image);
        let trace = self.recorder.record(image, &["recover", self.form.word()])?;
        let events = parse(&trace);
        let cut = dice.index(events.len() + 1);
        let mut disk = Disk::new(base, &trace, self.deaf_to);
        events[..cut].iter().for_each(|event| disk.apply(event));
        let second = self.fresh_dir("image-of-recovery");
        disk.image(dice, &second);
        let loss = |loss| format!("recovery cut before event {cut} of {}: {loss}", events.len());
        ledger.check(&second, dice.chance(THOROUGH_PERCENT)).map_err(loss)?;
        events[cut..].iter().for_each(|event| disk.apply(event));
        disk.check_complete(image);
        fs::remove_file(image.with_extension("trace")).unwrap();
        Ok(())
    }

    fn fresh_dir(&self, name: &str) -> PathBuf {
        let dir = self.dir.canonicalize().unwrap().join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        fs::create_dir(&dir).unwrap();
        dir
    }
}

/// A moment of these for the power to fail: any, one of the first, or one of those that count most, as that after an answer does.
fn draw_moment(dice: &mut Dice, count: usize, after_answers: &[usize]) -> usize {
    if dice.chance(40) && !after_answers.is_empty() {
        return after_answers[dice.index(after_answers.len())].min(count - 1);
    }
    if dice.chance(20) { dice.index(count / 20 + 1) } else { dice.index(count) }
}

/// A moment for the power to fail: any, the first of the store's life, or just after a line of the ledger.
fn draw_cut(dice: &mut Dice, events: &[Event]) -> usize {
    let drawn = match dice.below(10) {
        0 | 1 => dice.index(events.len() / 20 + 1),
        _ => dice.index(events.len()),
    };
    if dice.chance(40) {
        let mut ledger = 0;
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Open { handle, path, .. } if path == LEDGER => ledger = *handle,
                Event::Write { handle, .. } if *handle == ledger && drawn <= index => return index + 1,
                _ => {}
            }
        }
    }
    drawn
}
