//! Lines that nobody reads for a while.

use std::{
    fs::File,
    io::{PipeReader, Read as _, pipe},
    os::fd::OwnedFd,
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use super::LineWriter;

/// Longer than anything here takes.
const HANG: Duration = Duration::from_secs(30);

/// Lines into a pipe of which no more than so many bytes wait.
fn lines(waiting_bytes_max: usize) -> (LineWriter, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    (LineWriter::start_with(File::from(OwnedFd::from(writer)), waiting_bytes_max).unwrap(), reader)
}

fn line(number: usize) -> String {
    format!("{number:099}\n")
}

/// Writes so many lines; fails when that waits for the reader.
fn write(lines: &LineWriter, count: usize) {
    let (done_out, done_in) = channel();
    let lines = lines.clone();
    let write = move || {
        (0..count).for_each(|number| lines.write(line(number).as_bytes()));
        done_out.send(()).unwrap();
    };
    thread::Builder::new().spawn(write).unwrap();
    done_in.recv_timeout(HANG).expect("a line waits for whoever reads it");
}

fn read(reader: &mut PipeReader, count: usize) -> String {
    let mut bytes = vec![0; count * 100];
    reader.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_line_that_is_taken_is_there_at_once() {
    let (lines, mut reader) = lines(0);
    for number in 0..100 {
        lines.write(line(number).as_bytes());
        assert_eq!(read(&mut reader, 1), line(number));
    }
}

#[test]
fn lines_that_nobody_reads_hold_nobody_up_and_come_in_their_order() {
    const COUNT: usize = 5_000;
    let (lines, mut reader) = lines(1 << 20);
    write(&lines, COUNT);
    let wanted: String = (0..COUNT).map(line).collect();
    assert!(read(&mut reader, COUNT) == wanted);
    lines.flush(HANG);
    assert!(lines.0.queue.lock().is_idle());
    lines.write(line(7).as_bytes());
    assert_eq!(read(&mut reader, 1), line(7));
}

#[test]
fn what_goes_beyond_the_bound_is_lost_line_by_line() {
    let (lines, mut reader) = lines(10_000);
    // A pipe takes 600 to 655 of them, the thread has taken up to 100, and 100 wait.
    write(&lines, 2_000);
    let lost_count = usize::try_from(lines.0.queue.lock().lost_count).unwrap();
    assert!((1_140..=1_320).contains(&lost_count), "{lost_count}");
    let seen = read(&mut reader, 2_000 - lost_count);
    let numbers: Vec<usize> = seen.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers[..600] == (0..600).collect::<Vec<_>>());
    lines.flush(HANG);
    assert!(lines.0.queue.lock().is_idle());
}

#[test]
fn a_line_that_is_longer_than_a_pipe_arrives_whole() {
    let (lines, mut reader) = lines(1 << 20);
    let long = "x".repeat(200_000);
    lines.write(long.as_bytes());
    lines.write(b"end");
    let mut seen = vec![0; long.len() + 3];
    reader.read_exact(&mut seen).unwrap();
    assert!(seen.ends_with(b"xend"));
}

#[test]
fn without_a_reader_lines_go_nowhere() {
    let (lines, reader) = lines(1 << 20);
    drop(reader);
    write(&lines, 10_000);
    lines.flush(HANG);
    assert!(lines.0.queue.lock().is_idle());
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let (lines, reader) = lines(1 << 20);
    write(&lines, 5_000);
    lines.flush(Duration::from_millis(1));
    assert!(!lines.0.queue.lock().is_idle());
    drop(reader);
}
