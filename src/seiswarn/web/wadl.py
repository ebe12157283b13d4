"""The description of a service that clients read before they ask. Reference: W3C WADL, 31 August 2009."""

from __future__ import annotations

from lxml import etree

from seiswarn.web.tables import Service

_WADL = "http://wadl.dev.java.net/2009/02"
_TYPES = {"time": "xs:dateTime", "float": "xs:double", "int": "xs:int", "bool": "xs:boolean"}


def wadl(service: Service, base: str) -> bytes:
    """``application.wadl`` of a service under `base` (ends in a slash)."""
    root = etree.Element(
        f"{{{_WADL}}}application", nsmap={None: _WADL, "xs": "http://www.w3.org/2001/XMLSchema"}
    )
    resources = _add(root, "resources", base=base)
    query = _add(resources, "resource", path="query")
    method = _add(query, "method", name="GET", id="query")
    request = _add(method, "request")
    for p in service.parameters:
        attributes = {"name": p.name, "style": "query", "type": _TYPES.get(p.kind, "xs:string")}
        if p.default is not None:
            attributes["default"] = str(p.default).lower() if isinstance(p.default, bool) else str(p.default)
        param = _add(request, "param", **attributes)
        _add(param, "doc", title=p.doc)
        for choice in p.choices:
            _add(param, "option", value=choice)
    _add(_add(method, "response", status="200"), "representation", mediaType=service.media_type)
    if service.posts:
        post = _add(query, "method", name="POST", id="postQuery")
        _add(_add(post, "request"), "representation", mediaType="text/plain")
        _add(_add(post, "response", status="200"), "representation", mediaType=service.media_type)
    for path in ("version", "application.wadl", *(("catalogs", "contributors") * (service.name == "event"))):
        _add(_add(resources, "resource", path=path), "method", name="GET", id=path.split(".")[-1])
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def _add(parent: etree._Element, tag: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{_WADL}}}{tag}", attributes)
