// Relative, whatever path a proxy puts before it: the page is at /openapi/ and at /static/index.html.
SwaggerUIBundle({ url: "../openapi/v3.json", dom_id: "#swagger-ui", deepLinking: true });
