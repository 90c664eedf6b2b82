//! A small and strict check of markup: balanced tags, quoted attributes, unique ids, nothing
//! inline that the policy forbids.

use std::collections::HashSet;

/// Elements that have no end.
const VOID: &[&str] = &["br", "hr", "img", "input", "link", "meta"];

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    closes: bool,
    closed: bool,
}

/// Fails with the place of the first fault.
#[track_caller]
pub(super) fn check(what: &str, html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = HashSet::new();
    let (mut labelled, mut inputs) = (Vec::new(), Vec::new());
    for tag in tags(what, html) {
        if tag.closes {
            let opened = open.pop();
            assert_eq!(
                opened,
                Some(tag.name),
                "{what}: </{}> ends nothing; open: {open:?}",
                tag.name
            );
            continue;
        }
        let get = |name: &str| tag.attributes.iter().find(|(it, _)| *it == name).map(|it| it.1);
        for (name, _) in &tag.attributes {
            assert!(
                !name.starts_with("on") && *name != "style",
                "{what}: `{name}` in <{}>",
                tag.name
            );
        }
        assert_ne!(tag.name, "style", "{what}: a style inside of the page");
        if tag.name == "script" {
            assert!(
                get("src").is_some_and(|it| it.starts_with("/assets/")),
                "{what}: inline script"
            );
        }
        if let Some(id) = get("id") {
            assert!(ids.insert(id.to_owned()), "{what}: the id `{id}` twice");
        }
        labelled.extend(get("for"));
        if ["input", "select", "textarea"].contains(&tag.name) && get("type") != Some("hidden") {
            let wrapped = open.contains(&"label");
            inputs.push((
                get("id"),
                get("aria-label").is_some() || wrapped || get("aria-hidden").is_some(),
            ));
        }
        if tag.name == "img" {
            assert!(get("alt").is_some(), "{what}: a picture without alt");
        }
        if !tag.closed && !VOID.contains(&tag.name) {
            open.push(tag.name);
        }
    }
    assert!(open.is_empty(), "{what}: never closed: {open:?}");
    for id in &labelled {
        assert!(ids.contains(*id), "{what}: a label for `{id}`, which is not there");
    }
    for (id, named) in inputs {
        assert!(
            named || id.is_some_and(|it| labelled.contains(&it)),
            "{what}: `{id:?}` has no label"
        );
    }
}

/// Where links and forms lead to.
pub(super) fn targets(html: &str) -> Vec<String> {
    const LEADS: &[&str] =
        &["href", "action", "hx-get", "hx-post", "src", "data-href", "data-stream"];
    tags("targets", html)
        .into_iter()
        .filter(|it| it.name != "use")
        .flat_map(|it| it.attributes)
        .filter(|(name, _)| LEADS.contains(name))
        .map(|(_, value)| value.replace("&amp;", "&"))
        .collect()
}

#[track_caller]
fn tags<'a>(what: &str, html: &'a str) -> Vec<Tag<'a>> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        if rest.starts_with("<!") {
            rest = &rest[rest.find('>').unwrap() + 1..];
            continue;
        }
        let (tag, after) = tag(what, rest);
        // What a text area holds is text, as its start tag is escaped inside of it.
        found.push(tag);
        rest = after;
    }
    found
}

/// Reads one tag, quotes minded.
#[track_caller]
fn tag<'a>(what: &str, text: &'a str) -> (Tag<'a>, &'a str) {
    let at = |place: usize| &text[..text.len().min(place)];
    let closes = text.starts_with("</");
    let body = &text[if closes { 2 } else { 1 }..];
    let end = body.find(|it: char| !it.is_ascii_alphanumeric()).unwrap();
    let (name, mut rest) = body.split_at(end);
    assert!(!name.is_empty(), "{what}: a bare < at: {}", at(60));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return (Tag { name, attributes, closes, closed: true }, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name, attributes, closes, closed: false }, after);
        }
        let end = rest.find(|it: char| it == '=' || it == '>' || it.is_whitespace()).unwrap();
        assert!(end > 0, "{what}: no attribute at: {}", at(80));
        let (attribute, after) = rest.split_at(end);
        rest = after;
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let quote = after.chars().next().unwrap();
            assert!(quote == '"' || quote == '\'', "{what}: an unquoted value at: {}", at(80));
            let after = &after[1..];
            let end = after.find(quote).unwrap();
            value = &after[..end];
            rest = &after[end + 1..];
        }
        let twice = attributes.iter().any(|(it, _)| *it == attribute);
        assert!(!twice, "{what}: `{attribute}` twice in <{name}>");
        attributes.push((attribute, value));
    }
}

#[test]
fn faults_are_found() {
    let fails = |html: &str| std::panic::catch_unwind(|| check("it", html)).is_err();
    let faulty = [
        "<p>",
        "<p></div>",
        "<p style=\"\"></p>",
        "<p onclick=\"x\"></p>",
        "<script>x</script>",
        "<i id=\"a\"></i><i id=\"a\"></i>",
        "<p a=b></p>",
        "<input id=\"a\">",
        "<img src=\"/a\">",
        "<label for=\"b\"></label>",
        "a < b",
        "<p a=\"1\" a=\"2\"></p>",
    ];
    for html in faulty {
        assert!(fails(html), "{html}");
    }
    check("it", "<p a='1' b><label for=\"a\">x</label><input id=\"a\"><br></p>");
}
