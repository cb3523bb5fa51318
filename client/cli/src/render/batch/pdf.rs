//! Pages of A4 for an authority: terms, summary, and every row that is not proven. All rows are in
//! the CSV.
//!
//! No font is embedded. Latin text is in Helvetica, which every reader has; other text is in the
//! standard Japanese font of PDF, HeiseiKakuGo-W5, for which readers take a Japanese font of the
//! system.

use pdf_writer::types::{CidFontType, SystemInfo};
use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};

use super::words;
use crate::batch::{Batch, Status};
use crate::render::Language;

const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 50.0;

/// Failures that are printed.
const FAILURES_MAX: usize = 1_000;

const LATIN: Name<'static> = Name(b"F1");
const JAPANESE: Name<'static> = Name(b"F2");

/// Advance widths of Helvetica for U+0020 to U+007E, in thousandths.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The report as a PDF file.
pub fn pdf(batch: &Batch, language: Language) -> Vec<u8> {
    let mut pages = Pages::default();
    pages.text(18.0, 0.0, words::title(language));
    pages.space(10.0);
    for (name, value) in words::terms(batch, language) {
        pages.pair(name, &value);
    }
    pages.heading(language.pick("Summary", "集計"));
    let summary = batch.summary();
    for status in Status::ALL {
        let count = summary.count(status).to_string();
        pages.pair(&count, &words::counted(batch, status, language));
    }
    let total = summary.total().to_string();
    pages.pair(&total, language.pick("in total", "合計"));
    pages.space(6.0);
    pages.text(9.0, 0.0, words::accredited_note(language));
    pages.heading(language.pick("To be looked at", "確認が必要なもの"));
    let failures = batch.failures().count();
    if failures == 0 {
        pages.text(10.0, 0.0, language.pick("None.", "なし。"));
    }
    for row in batch.failures().take(FAILURES_MAX) {
        let word = words::status(row.status, language);
        pages.text(10.0, 0.0, &format!("{}: {word}", row.file));
        pages.text(9.0, 14.0, &words::reasons(batch, row, language));
        pages.space(4.0);
    }
    if failures > FAILURES_MAX {
        let more = failures - FAILURES_MAX;
        let said = language.pick("more are in report.csv", "件は report.csv にあります");
        pages.text(10.0, 0.0, &format!("{more} {said}"));
    }
    pages.space(8.0);
    let rest = language.pick(
        "Every file: report.csv and report.html.",
        "全件は report.csv と report.html にあります。",
    );
    pages.text(9.0, 0.0, rest);
    pages.finish(language)
}

/// Pages as they fill up.
#[derive(Default)]
struct Pages {
    done: Vec<Content>,
    /// From the top of the last page; none before the first.
    y: f32,
}

impl Pages {
    fn space(&mut self, points: f32) {
        self.y -= points;
    }

    fn heading(&mut self, text: &str) {
        self.space(14.0);
        self.text(13.0, 0.0, text);
        self.space(3.0);
    }

    /// A name and its value beside it.
    fn pair(&mut self, name: &str, value: &str) {
        let before = self.line(14.0);
        draw(self.page(), 10.0, MARGIN, before, name);
        let lines = wrapped(value, 9.0, WIDTH - 2.0 * MARGIN - 140.0);
        for (place, text) in lines.iter().enumerate() {
            let y = if place == 0 { before } else { self.line(12.0) };
            draw(self.page(), 9.0, MARGIN + 140.0, y, text);
        }
    }

    fn text(&mut self, size: f32, indent: f32, text: &str) {
        for line in wrapped(text, size, WIDTH - 2.0 * MARGIN - indent) {
            let y = self.line(size * 1.4);
            draw(self.page(), size, MARGIN + indent, y, &line);
        }
    }

    /// Where the next line goes, on a new page if this one is full.
    fn line(&mut self, height: f32) -> f32 {
        if self.done.is_empty() || self.y - height < MARGIN + 20.0 {
            self.done.push(Content::new());
            self.y = HEIGHT - MARGIN;
        }
        self.y -= height;
        self.y
    }

    fn page(&mut self) -> &mut Content {
        if self.done.is_empty() {
            self.done.push(Content::new());
        }
        let last = self.done.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "there is one, see above")]
        &mut self.done[last]
    }

    fn finish(self, language: Language) -> Vec<u8> {
        let total = self.done.len();
        let mut next = 1;
        let mut fresh = || {
            let id = Ref::new(next);
            next += 1;
            id
        };
        let [catalog, tree, latin, japanese, descendant, descriptor, info] =
            [(); 7].map(|()| fresh());
        let ids: Vec<(Ref, Ref)> = self.done.iter().map(|_| (fresh(), fresh())).collect();
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree);
        pdf.document_info(info)
            .producer(pdf_writer::TextStr("ishibumi"))
            .title(pdf_writer::TextStr(words::title(language)));
        let kids = ids.iter().map(|(page, _)| *page);
        pdf.pages(tree)
            .kids(kids)
            .count(i32::try_from(total).unwrap_or(i32::MAX));
        for (place, ((id, content_id), mut content)) in ids.into_iter().zip(self.done).enumerate() {
            draw(
                &mut content,
                9.0,
                WIDTH / 2.0 - 15.0,
                30.0,
                &format!("{} / {total}", place + 1),
            );
            let mut page = pdf.page(id);
            page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT))
                .parent(tree)
                .contents(content_id);
            page.resources()
                .fonts()
                .pair(LATIN, latin)
                .pair(JAPANESE, japanese);
            page.finish();
            pdf.stream(content_id, &content.finish());
        }
        let mut font = pdf.type1_font(latin);
        font.base_font(Name(b"Helvetica"))
            .encoding_predefined(Name(b"WinAnsiEncoding"));
        font.finish();
        let base = Name(b"HeiseiKakuGo-W5");
        pdf.type0_font(japanese)
            .base_font(Name(b"HeiseiKakuGo-W5-UniJIS-UTF16-H"))
            .encoding_predefined(Name(b"UniJIS-UTF16-H"))
            .descendant_font(descendant);
        pdf.cid_font(descendant)
            .subtype(CidFontType::Type0)
            .base_font(base)
            .system_info(SystemInfo {
                registry: Str(b"Adobe"),
                ordering: Str(b"Japan1"),
                supplement: 5,
            })
            .font_descriptor(descriptor)
            .default_width(1000.0);
        pdf.font_descriptor(descriptor)
            .name(base)
            .flags(pdf_writer::types::FontFlags::SYMBOLIC)
            .bbox(Rect::new(-92.0, -250.0, 1010.0, 922.0))
            .italic_angle(0.0)
            .ascent(752.0)
            .descent(-271.0)
            .cap_height(737.0)
            .stem_v(114.0);
        pdf.finish()
    }
}

fn is_latin(character: char) -> bool {
    matches!(character, ' '..='~')
}

fn width(character: char) -> f32 {
    let place = u32::from(character).wrapping_sub(0x20);
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    f32::from(WIDTHS.get(place).copied().unwrap_or(1000)) / 1000.0
}

/// Lines of at most `room` points, broken at spaces where there are any.
fn wrapped(text: &str, size: f32, room: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let of = |line: &str| line.chars().map(width).sum::<f32>() * size;
    for character in text.chars() {
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
        if of(&line) > room {
            let space = line.rfind(' ').filter(|place| *place > line.len() / 2);
            let last = line.len() - line.chars().next_back().map_or(0, char::len_utf8);
            let rest = line.split_off(space.map_or(last, |place| place + 1));
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    lines.push(line);
    lines
}

/// One line: runs of Latin in one font, all else in the other.
fn draw(page: &mut Content, size: f32, x: f32, y: f32, text: &str) {
    page.begin_text();
    page.next_line(x, y);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let latin = is_latin(first);
        let end = rest.find(|it| is_latin(it) != latin).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if latin {
            page.set_font(LATIN, size).show(Str(run.as_bytes()));
        } else {
            let utf16: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            page.set_font(JAPANESE, size).show(Str(&utf16));
        }
        rest = after;
    }
    page.end_text();
}
