//! The page, out of an OpenAPI document.

use std::fmt::{self, Write};

use chassis_http::html::{Marked, Paragraphs, Text};
use serde_json::Value;

/// The whole page.
pub(super) fn of(openapi: &Value) -> String {
    let mut page = String::new();
    // A string takes everything.
    _ = write(openapi, &mut page);
    page
}

fn write(openapi: &Value, out: &mut String) -> fmt::Result {
    let info = &openapi["info"];
    let (title, version) = (Text(text(info, "title")), Text(text(info, "version")));
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"docs.css\">\n</head>\n<body>\n<h1>{title} <small>{version}</small></h1>\n"
    )?;
    write!(out, "{}", Paragraphs(text(info, "description")))?;
    out.write_str(
        "<p>For programs: <a href=\"../openapi/v3.json\">OpenAPI 3.1</a>, \
         <a href=\"../openapi/spec.json\">Swagger 2.0</a>. To explore: <a href=\"../openapi/\">Swagger UI</a>.</p>\n",
    )?;
    for (path, item) in members(&openapi["paths"]) {
        for (method, described) in members(item).filter(|(_, described)| described.get("responses").is_some())
        {
            operation(path, method, described, out)?;
        }
    }
    out.write_str("<script src=\"docs.js\"></script>\n</body>\n</html>\n")
}

fn operation(path: &str, method: &str, described: &Value, out: &mut String) -> fmt::Result {
    let id = Text(text(described, "operationId"));
    let method = method.to_ascii_uppercase();
    write!(
        out,
        "<section id=\"{id}\">\n<h2><span class=\"method\">{method}</span> <code>{}</code></h2>\n",
        Text(path)
    )?;
    write!(out, "{}{}", Paragraphs(text(described, "summary")), Paragraphs(text(described, "description")))?;
    parameters(&described["parameters"], out)?;
    answers(&described["responses"], out)?;
    form(path, &method, described, out)?;
    out.write_str("</section>\n")
}

fn parameters(parameters: &Value, out: &mut String) -> fmt::Result {
    let Some(parameters) = parameters.as_array().filter(|list| !list.is_empty()) else { return Ok(()) };
    out.write_str("<table>\n<tr><th>parameter</th><th>in</th><th>meaning</th></tr>\n")?;
    for parameter in parameters {
        let (name, place) = (Text(text(parameter, "name")), Text(text(parameter, "in")));
        let meaning = Marked(text(parameter, "description"));
        writeln!(out, "<tr><td><code>{name}</code></td><td>{place}</td><td>{meaning}</td></tr>")?;
    }
    out.write_str("</table>\n")
}

fn answers(responses: &Value, out: &mut String) -> fmt::Result {
    out.write_str("<table>\n<tr><th>status</th><th>meaning</th></tr>\n")?;
    for (status, response) in members(responses) {
        write!(out, "<tr><td>{}</td><td>{}", Text(status), Marked(text(response, "description")))?;
        for (_, content) in members(&response["content"]) {
            let one = content.get("example").map(|example| ("", example));
            let several = members(&content["examples"])
                .filter_map(|(_, example)| Some((text(example, "summary"), example.get("value")?)));
            for (summary, example) in one.into_iter().chain(several) {
                // The values of a document can be written.
                let example = serde_json::to_string_pretty(example).unwrap_or_default();
                write!(out, "<br>{}<pre>{}</pre>", Text(summary), Text(&example))?;
            }
        }
        out.write_str("</td></tr>\n")?;
    }
    out.write_str("</table>\n")
}

/// Headers are left out: a page cannot set them all.
fn form(path: &str, method: &str, described: &Value, out: &mut String) -> fmt::Result {
    writeln!(out, "<form data-path=\"{}\" data-method=\"{method}\">", Text(path))?;
    let fields = described["parameters"].as_array().into_iter().flatten();
    for field in fields.filter(|field| field["in"] == "query" || field["in"] == "path") {
        let (name, place) = (Text(text(field, "name")), text(field, "in"));
        let example = field.get("example").map_or_else(String::new, written);
        writeln!(
            out,
            "<label>{name} <input name=\"{name}\" data-in=\"{place}\" value=\"{}\"></label>",
            Text(&example)
        )?;
    }
    for (_, content) in members(&described["requestBody"]["content"]).take(1) {
        let example = content.get("example").map_or_else(String::new, Value::to_string);
        writeln!(
            out,
            "<label>body <textarea name=\"body\" data-in=\"body\" rows=\"3\" cols=\"50\">{}</textarea></label>",
            Text(&example)
        )?;
    }
    out.write_str("<button>Try it</button>\n<output></output>\n</form>\n")
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_shows_what_the_document_says_and_no_more() {
        let page = of(&json!({
            "info": {"title": "A<b>", "version": "1", "description": "Says `x`."},
            "paths": {"/greet/{name}": {"get": {
                "operationId": "greet", "summary": "Greets", "description": "Politely.",
                "parameters": [
                    {"in": "path", "name": "name", "description": "who & whom", "example": "you"},
                    {"in": "header", "name": "x-mood", "description": "how"},
                ],
                "responses": {"200": {"description": "done", "content": {"application/json": {
                    "examples": {"one": {"summary": "for you", "value": {"hi": "<you>"}}}}}}},
            }}},
        }));
        for part in [
            "<title>A&lt;b&gt;</title>",
            "<p>Says <code>x</code>.</p>",
            "<section id=\"greet\">",
            "<code>/greet/{name}</code>",
            "<td><code>x-mood</code></td><td>header</td><td>how</td>",
            "who &amp; whom",
            "for you<pre>{\n  &quot;hi&quot;: &quot;&lt;you&gt;&quot;\n}</pre>",
            "<form data-path=\"/greet/{name}\" data-method=\"GET\">",
            "<input name=\"name\" data-in=\"path\" value=\"you\">",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("<input name=\"x-mood\""));
    }
}
