//! One form for every error that nginx itself makes: JSON, or text for a client that asks for that.

use super::extras::lines;

/// Status and words; the largest body is named in those of 413.
const WORDS: [(u16, &str); 15] = [
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (414, "URI Too Long"),
    (416, "Range Not Satisfiable"),
    (421, "Misdirected Request"),
    (429, "Too Many Requests"),
    (431, "Request Header Fields Too Large"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Gateway Timeout"),
    (505, "HTTP Version Not Supported"),
];

/// Form, type and body.
const FORMS: [(&str, &str, &str); 2] = [
    ("json", "application/json", r#"{"message":"$microservice_problem"}\n"#),
    ("text", "text/plain", r"$microservice_problem\n"),
];

/// What the answers say, and in which form.
pub(super) fn maps(max_body_size: &str) -> String {
    let words = lines(WORDS.iter().map(|(status, words)| format!("        {status} \"{words}\";")));
    format!(
        r#"
    # Every error that nginx itself makes has one form.
    map $status $microservice_problem {{
{words}        413 "the body is larger than {max_body_size}";
        default "Internal Server Error";
    }}
    map $http_accept $microservice_error_form {{
        ~*json json;
        ~*text/ text;
        default json;
    }}
"#
    )
}

/// The pages, after the user's own: the first one for a status wins. What could not be read has no
/// path, which a named location needs; all else goes to one, past the user's `if` and `rewrite`.
pub(super) fn directives(open: &str) -> String {
    let locations = lines(FORMS.iter().map(|(form, kind, body)| {
        let answer = format!(
            "            types {{ }}\n            default_type {kind};\n{open}            return 200 '{body}';"
        );
        format!(
            "        location @error_{form} {{\n{answer}\n        }}
        location = /-/error_{form} {{\n            internal;\n{answer}\n        }}"
        )
    }));
    format!(
        r"
        error_page 401 403 404 405 413 416 429 500 501 502 503 504 @error_$microservice_error_form;
        error_page 400 414 421 505 /-/error_$microservice_error_form;
        error_page 494 =431 /-/error_$microservice_error_form;
        error_page 495 496 497 =400 /-/error_$microservice_error_form;
{locations}"
    )
}
