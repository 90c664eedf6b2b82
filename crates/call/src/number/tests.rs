//! Tables of numbers as phone systems write them.

use super::*;

#[test]
fn a_number_is_what_is_left_without_ornaments() {
    for (raw, number) in [
        ("79161234567", Some("79161234567")),
        ("+7 (916) 123-45-67", Some("+79161234567")),
        ("*8", Some("*8")),
        ("101", Some("101")),
        ("", None),
        ("anonymous", None),
        ("<unknown>", None),
        ("x", None),
        ("Alice2", None),
        ("x%0d%0aEvent%3a%20Hangup", None),
        ("12+34", None),
        ("++", None),
    ] {
        assert_eq!(clean(raw).as_deref(), number, "{raw}");
    }
    assert_eq!(clean(&"1".repeat(NUMBER_CHARS_MAX)).map(|it| it.len()), Some(NUMBER_CHARS_MAX));
    assert_eq!(clean(&"1".repeat(NUMBER_CHARS_MAX + 1)), None);
}

#[test]
fn national_numbers_become_e164_where_the_country_is_known() {
    let extensions = Extensions::default();
    for (raw, country, number) in [
        ("0612345678", "IT", "+390612345678"),
        ("+33 1 99 00 00 03", "IT", "+33199000003"),
        ("84957654321", "RU", "+74957654321"),
        ("8 (495) 765-43-21", "ru", "+74957654321"),
        ("030 901820", "DE", "+4930901820"),
        // An extension, a code and a number of no plan stay as they are.
        ("101", "IT", "101"),
        ("*43", "DE", "*43"),
        ("999999999999999", "DE", "999999999999999"),
        // A country that there is not.
        ("0612345678", "QQ", "0612345678"),
    ] {
        assert_eq!(
            read(raw, Some(country), &extensions).as_deref(),
            Some(number),
            "{raw} {country}"
        );
    }
    assert_eq!(read("0612345678", None, &extensions).as_deref(), Some("0612345678"));
    assert_eq!(read("anonymous", Some("IT"), &extensions), None);
}

#[test]
fn two_to_six_digits_are_an_extension_unless_patterns_say_otherwise() {
    let default = Extensions::default();
    for (number, is) in [
        ("1", false),
        ("10", true),
        ("101", true),
        ("123456", true),
        ("1234567", false),
        ("1a", false),
    ] {
        assert_eq!(default.matches(number), is, "{number}");
    }
    let given = Extensions::new(vec!["_2XX".to_owned(), "reception".to_owned(), "9.".to_owned()]);
    for (number, is) in [
        ("200", true),
        ("101", false),
        ("2000", false),
        ("reception", true),
        ("9", false),
        ("95", true),
    ] {
        assert_eq!(given.matches(number), is, "{number}");
    }
}

#[test]
fn patterns_are_those_of_dial_plans() {
    for (pattern, text, fits) in [
        ("_NXXNXXXXXX", "2125551234", true),
        ("_NXXNXXXXXX", "1125551234", false),
        ("_Z.", "0", false),
        ("_Z.", "17", true),
        ("[2-4]X", "35", true),
        ("[2-4]X", "55", false),
        ("[19]", "9", true),
        ("[", "x", false),
        ("", "", true),
        ("trunk-a", "trunk-a", true),
    ] {
        assert_eq!(matches_pattern(pattern, text), fits, "{pattern} {text}");
    }
}
