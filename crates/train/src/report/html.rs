//! The page's HTML: escaping, tables, figures, the frame.

use super::{Block, Report};
use crate::plot::theme;
use crate::table::{Align, Table};

const STYLE: &str = include_str!("style.css");
const DARK: &str = "--page: #0d1117; --paper: #161b22; --ink: #e6edf3; --muted: #9da9b5; --line: #2a323b; \
                    --soft: #1f262e; --accent: #58a6e0;";
const PRINT: &str = "body { background: none; font-size: 12px; } main { max-width: none; padding: 0; } \
                     nav { display: none; } section, .highlights div, .settings { border-radius: 0; } \
                     section, figure, tr, .highlights, .settings { break-inside: avoid; } h2 { break-after: avoid; } \
                     table { font-size: 11px; min-width: 0; } th { font-size: 10px; } th, td { padding: 4px 12px 4px 0; } \
                     section { padding: 12px 16px 16px; margin-bottom: 12px; } .panels { gap: 16px; } \
                     .panels > .plot { flex: 1 1 44%; max-width: 48%; } .tiles img { max-width: 80px; } \
                     .tiles { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); }";

/// Text for inside an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in XML, and of no use in a page.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|p| !p.is_empty());
    paragraphs.map(|p| format!("<p>{}</p>\n", escape(p))).collect()
}

pub(super) fn table(table: &Table) -> String {
    let align = table.alignment();
    let cell = |tag: &str, column: usize, text: &str| {
        let class = if align.get(column) == Some(&Align::Right) { " class=\"n\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escape(text))
    };
    let row = |tag: &str, cells: &[String]| {
        let cells: String =
            (0..table.columns()).map(|c| cell(tag, c, cells.get(c).map_or("", String::as_str))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let mut html =
        format!("<div class=\"scroll\"><table>\n<thead>{}</thead>\n<tbody>\n", row("th", table.header()));
    for cells in table.rows() {
        match cells {
            Some(cells) => html.push_str(&row("td", cells)),
            None => html.push_str("</tbody>\n<tbody>\n"),
        }
    }
    html + "</tbody>\n</table></div>\n"
}

pub(super) fn figure(svg: &str, width: f64) -> String {
    format!("<figure class=\"plot\" style=\"--w:{width:.0}px\">\n{}\n</figure>\n", svg.trim_end())
}

pub(super) fn page(report: &Report) -> String {
    let title = escape(&report.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}@media screen and (prefers-color-scheme: dark) {{\n:root {{ {DARK} }}\n{}}}\n\
         @media print {{ {PRINT} }}\n</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n",
        theme::dark_css(".figure")
    );
    if !report.subtitle.is_empty() {
        html.push_str(&format!("<p>{}</p>\n", escape(&report.subtitle)));
    }
    if report.sections.len() > 1 {
        html.push_str("<nav>");
        for (i, section) in report.sections.iter().enumerate() {
            html.push_str(&format!("<a href=\"#s{i}\">{}</a>", escape(&section.title)));
        }
        html.push_str("</nav>\n");
    }
    html.push_str("</header>\n");
    if !report.highlights.is_empty() {
        html.push_str("<div class=\"highlights\">\n");
        for (name, value) in &report.highlights {
            html.push_str(&format!(
                "<div><span>{}</span><strong>{}</strong></div>\n",
                escape(name),
                escape(value)
            ));
        }
        html.push_str("</div>\n");
    }
    if !report.settings.is_empty() {
        html.push_str("<dl class=\"settings\">\n");
        for (name, value) in &report.settings {
            html.push_str(&format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value)));
        }
        html.push_str("</dl>\n");
    }
    for (i, section) in report.sections.iter().enumerate() {
        html.push_str(&format!("<section id=\"s{i}\">\n<h2>{}</h2>\n", escape(&section.title)));
        let kind = |b: &Block| matches!(b, Block::Panel(_));
        for run in section.blocks.chunk_by(|a, b| kind(a) == kind(b)) {
            let panels = run.iter().any(kind);
            html.push_str(if panels { "<div class=\"panels\">\n" } else { "" });
            for block in run {
                let (Block::Plain(inner) | Block::Panel(inner)) = block;
                html.push_str(inner);
            }
            html.push_str(if panels { "</div>\n" } else { "" });
        }
        html.push_str("</section>\n");
    }
    html + "</main>\n</body>\n</html>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_with_a_meaning_are_escaped_and_control_characters_replaced() {
        assert_eq!(escape("a<b>&\"c'\u{0}\n"), "a&lt;b&gt;&amp;&quot;c&#39;\u{FFFD}\n");
    }

    #[test]
    fn numbers_stand_to_the_right_and_a_rule_starts_a_new_body() {
        let mut t = Table::new(["name", "n"]);
        t.row(["a", "1"]).rule().row(["total"]);
        let html = table(&t);
        assert!(html.contains("<th>name</th><th class=\"n\">n</th>"), "{html}");
        assert!(html.contains("<td>a</td><td class=\"n\">1</td>"), "{html}");
        assert!(html.contains("<td>total</td><td class=\"n\"></td>"), "{html}");
        assert_eq!(html.matches("<tbody>").count(), 2);
    }
}
