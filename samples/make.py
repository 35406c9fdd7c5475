#!/usr/bin/env python3
"""Makes the documents of this folder, and truth.json, which says what is on them.

Every shop, bank, person and number is invented. The same script makes the same documents.
Needs `pip install -r samples/requirements.txt` and the DejaVu fonts (Debian: fonts-dejavu-core).
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Font
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

HERE = Path(__file__).parent
FONTS = Path("/usr/share/fonts/truetype/dejavu")
PASSWORD = "harbour-2026"
IBAN = "IE52HRBM99000012345678"
TRUTH = {}


def D(text):
    return Decimal(text)


def money(amount):
    return f"{amount:,.2f}"


@dataclass
class Line:
    """A line of a receipt or an invoice."""

    what: str
    quantity: Decimal
    price: Decimal

    @property
    def total(self):
        return (self.quantity * self.price).quantize(D("0.01"))


@dataclass
class Movement:
    """A line of a bank statement."""

    day: date
    what: str
    amount: Decimal
    reference: str = ""


def total(lines):
    return sum((line.total for line in lines), D(0))


def font(name, size):
    return ImageFont.truetype(str(FONTS / name), size)


# --- a photographed receipt ---


def receipt():
    lines = [
        Line("OAT BREAD 750G", D(1), D("3.40")),
        Line("TOMATOES KG", D("0.840"), D("3.50")),
        Line("OLIVE OIL 0.5L", D(1), D("7.95")),
        Line("COFFEE BEANS 500G", D(1), D("9.80")),
        Line("BIN LINERS 20PC", D(2), D("1.25")),
    ]
    gross = total(lines)
    net = (gross / D("1.09")).quantize(D("0.01"))
    width = 34
    rows = [
        ("CORNER LEAF MARKET", "c", "big"),
        ("12 Harbour Lane", "c", ""),
        ("Dublin 2", "c", ""),
        ("VAT No. IE 0000017KH", "c", ""),
        ("", "", ""),
        ("Date 14/03/2026      Time 12:41", "", ""),
        ("Receipt 004417       Till 03", "", ""),
        ("-" * width, "", ""),
    ]
    for line in lines:
        if line.quantity != 1:
            rows.append((line.what, "", ""))
            rows.append((f"  {line.quantity} x {line.price}".ljust(width - 8) + f"{line.total:>8}", "", ""))
        else:
            rows.append((line.what.ljust(width - 8) + f"{line.total:>8}", "", ""))
    rows += [
        ("-" * width, "", ""),
        ("NET".ljust(width - 8) + f"{net:>8}", "", ""),
        ("VAT 9%".ljust(width - 8) + f"{gross - net:>8}", "", ""),
        ("TOTAL EUR".ljust(16) + f"{gross:>8}", "", "big"),
        ("", "", ""),
        ("VISA DEBIT ****4417".ljust(width - 8) + f"{gross:>8}", "", ""),
        ("CHANGE".ljust(width - 8) + f"{D('0.00'):>8}", "", ""),
        ("", "", ""),
        ("Thank you, see you soon!", "c", ""),
    ]
    random = np.random.default_rng(14)
    plain, big = font("DejaVuSansMono.ttf", 30), font("DejaVuSansMono-Bold.ttf", 42)
    paper = Image.new("L", (720, 90 + sum(60 if size else 44 for _, _, size in rows) + 60), 236)
    draw = ImageDraw.Draw(paper)
    y = 80
    for text, align, size in rows:
        used = big if size else plain
        x = (paper.width - draw.textlength(text, used)) / 2 if align == "c" else 50
        draw.text((x, y), text, 58, used)
        y += 60 if size else 44
    photograph(paper, random).save(HERE / "receipt.jpg", quality=82)
    TRUTH["receipt.jpg"] = {
        "kind": "receipt", "merchant": "Corner Leaf Market", "date": "2026-03-14", "currency": "EUR",
        "net_total": str(net), "tax": str(gross - net), "total": str(gross),
        "items": [{"description": line.what, "total": str(line.total)} for line in lines],
    }


def photograph(paper, random):
    """As a telephone sees it: thermal print that fades, paper that curls, a table, a shadow, skew, blur and noise."""
    ink = np.asarray(paper, dtype=np.float32)
    height, width = ink.shape
    # The print head heats unevenly: columns and rows differ, and some dots are missing.
    fade = 1 - 0.28 * random.random((1, width)) ** 3 - 0.18 * np.abs(np.sin(np.arange(height) / 97.0))[:, None]
    dropout = random.random((height, width)) < 0.04
    ink = 236 - (236 - ink) * np.where(dropout, 0.35, fade)
    ink += random.normal(0, 2.5, ink.shape)
    # The paper curls: rows are shifted sideways, and lie in light and shade.
    shift = (7 * np.sin(np.arange(height) / height * 5.2)).astype(int)
    ink = np.stack([np.roll(row, by) for row, by in zip(ink, shift)])
    ink *= (0.93 + 0.07 * np.cos(np.arange(height) / height * 9.0))[:, None]
    size = (1150, 1560)
    wood = np.full((size[1], size[0], 3), (104, 78, 56), dtype=np.float32)
    grain = np.cumsum(random.normal(0, 1.2, (size[1], 1)), axis=0) % 24
    wood += grain[:, :, None] + random.normal(0, 4, wood.shape)
    scene = Image.fromarray(np.clip(wood, 0, 255).astype(np.uint8))
    sheet = Image.fromarray(np.clip(ink, 0, 255).astype(np.uint8))
    corners = [(196, 92), (948, 128), (906, 1486), (128, 1432)]
    mask = perspective(Image.new("L", sheet.size, 255), corners, size)
    shadow = mask.filter(ImageFilter.GaussianBlur(16)).point(lambda v: v * 0.55)
    scene.paste((30, 22, 16), (14, 18), shadow)
    tinted = Image.merge("RGB", [sheet, sheet.point(lambda v: v * 0.985), sheet.point(lambda v: v * 0.94)])
    scene.paste(perspective(tinted, corners, size), (0, 0), mask)
    pixels = np.asarray(scene.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    light = 1.04 - 0.20 * np.linspace(0, 1, size[0])[None, :, None] - 0.10 * np.linspace(0, 1, size[1])[:, None, None]
    pixels = pixels * light + random.normal(0, 5, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def perspective(image, corners, size):
    """Lays the image onto four corners (upper left, upper right, lower right, lower left) of a canvas."""
    source = [(0, 0), (image.width, 0), (image.width, image.height), (0, image.height)]
    rows, right = [], []
    for (x, y), (u, v) in zip(corners, source):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return image.transform(size, Image.Transform.PERSPECTIVE, np.linalg.solve(rows, right), Image.Resampling.BICUBIC)


# --- invoices ---


def scanned_invoice():
    lines = [
        Line("Business cards, recycled", D(250), D("0.18")),
        Line("Poster A2, matt", D(4), D("14.50")),
        Line("Delivery", D(1), D("6.90")),
    ]
    net = total(lines)
    tax = (net * D("0.20")).quantize(D("0.01"))
    page = Image.new("L", (1654, 2339), 250)
    draw = ImageDraw.Draw(page)

    def say(x, y, text, size=30, bold=False, right=False):
        used = font("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf", size)
        draw.text((x - draw.textlength(text, used) if right else x, y), text, 32, used)

    say(150, 150, "Nordwind Print Studio", 52, True)
    for n, text in enumerate(["Quay 7, 20457 Hamburg", "VAT ID DE 000 017 555", "hello@nordwind.example"]):
        say(150, 230 + 44 * n, text, 28)
    say(1504, 150, "INVOICE", 52, True, True)
    details = [("Invoice no.", "NP-2026-0187"), ("Date", "3 April 2026"), ("Due date", "17 April 2026")]
    for n, (label, value) in enumerate(details):
        say(1080, 250 + 46 * n, label, 28, True)
        say(1504, 250 + 46 * n, value, 28, right=True)
    say(150, 480, "Bill to", 28, True)
    for n, text in enumerate(["Alex Sample", "3 Mill Road", "Dublin 8"]):
        say(150, 524 + 42 * n, text, 28)
    heads = [(150, "Description", False), (980, "Qty", True), (1240, "Unit price", True), (1504, "Amount", True)]
    for x, text, right in heads:
        say(x, 760, text, 28, True, right)
    draw.line((150, 806, 1504, 806), 60, 3)
    y = 830
    for line in lines:
        say(150, y, line.what)
        say(980, y, str(line.quantity), right=True)
        say(1240, y, money(line.price), right=True)
        say(1504, y, money(line.total), right=True)
        y += 62
    draw.line((150, y + 4, 1504, y + 4), 60, 2)
    sums = [("Net total", net, False), ("VAT 20%", tax, False), ("Total EUR", net + tax, True)]
    for n, (label, amount, bold) in enumerate(sums):
        say(1000, y + 30 + 56 * n, label, 32, bold)
        say(1504, y + 30 + 56 * n, money(amount), 32, bold, True)
    say(150, 2050, "Payable within 14 days to Nordwind Print Studio. Thank you.", 26)
    random = np.random.default_rng(7)
    page = page.rotate(-0.8, Image.Resampling.BICUBIC, fillcolor=250).filter(ImageFilter.GaussianBlur(0.7))
    pixels = np.asarray(page, dtype=np.float32) + random.normal(0, 5, (page.height, page.width))
    # What lies on the scanner's glass.
    for x, y in random.integers((0, 0), (page.width - 3, page.height - 3), (160, 2)):
        pixels[y : y + 2, x : x + 2] -= 120
    scan = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    made = datetime(2026, 4, 3).timetuple()
    scan.save(HERE / "invoice-scan.pdf", resolution=200, quality=62, creationDate=made, modDate=made)
    TRUTH["invoice-scan.pdf"] = {
        "kind": "invoice", "merchant": "Nordwind Print Studio", "invoice_number": "NP-2026-0187",
        "date": "2026-04-03", "due_date": "2026-04-17", "currency": "EUR",
        "net_total": str(net), "tax": str(tax), "total": str(net + tax),
        "items": [{"description": line.what, "total": str(line.total)} for line in lines],
    }


RULED = TableStyle([
    ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 9), ("FONT", (0, 1), (-1, -1), "Helvetica", 9),
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black), ("LINEBELOW", (0, 1), (-1, -1), 0.2, colors.lightgrey),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
])


def digital_invoice():
    lines = [
        Line("Electricity, kWh", D(312), D("0.24")),
        Line("Standing charge, days", D(30), D("0.35")),
        Line("Green tariff", D(1), D("4.20")),
    ]
    net = total(lines)
    tax = (net * D("0.10")).quantize(D("0.01"))
    styles = getSampleStyleSheet()
    numbers = TableStyle([("ALIGN", (1, 0), (-1, -1), "RIGHT")])
    table = Table(
        [["Description", "Quantity", "Unit price", "Amount"]]
        + [[line.what, str(line.quantity), money(line.price), money(line.total)] for line in lines],
        colWidths=[80 * mm, 25 * mm, 30 * mm, 35 * mm],
    )
    sums = Table(
        [["Net total", money(net)], ["VAT 10%", money(tax)], ["Total due", f"EUR {money(net + tax)}"]],
        colWidths=[40 * mm, 35 * mm], hAlign="RIGHT",
    )
    for part in (table, sums):
        part.setStyle(numbers)
    table.setStyle(RULED)
    sums.setStyle(TableStyle([("FONT", (0, 2), (-1, 2), "Helvetica-Bold", 11)]))
    about = Table(
        [["Invoice number", "BW-40921"], ["Invoice date", "6 May 2026"], ["Payment due", "27 May 2026"],
         ["Customer", "Alex Sample"]], colWidths=[35 * mm, 50 * mm], hAlign="LEFT",
    )
    SimpleDocTemplate(str(HERE / "invoice.pdf"), pagesize=A4, title="Invoice BW-40921", invariant=1).build([
        Paragraph("Brightwater Energy Co-operative", styles["Title"]),
        Paragraph("1 Weir Street, Galway · VAT number IE 0000042VA", styles["Normal"]),
        Spacer(1, 8 * mm), Paragraph("Invoice", styles["Heading2"]), about, Spacer(1, 8 * mm), table,
        Spacer(1, 6 * mm), sums, Spacer(1, 12 * mm),
        Paragraph("Your meter was read on 30 April 2026. Please quote the invoice number.", styles["Normal"]),
    ])
    TRUTH["invoice.pdf"] = {
        "kind": "invoice", "merchant": "Brightwater Energy Co-operative", "invoice_number": "BW-40921",
        "date": "2026-05-06", "due_date": "2026-05-27", "currency": "EUR",
        "net_total": str(net), "tax": str(tax), "total": str(net + tax),
        "items": [{"description": line.what, "total": str(line.total)} for line in lines],
    }


# --- statements ---


def statement_truth(name, opening, movements, **more):
    TRUTH[name] = {
        "kind": "bank_statement", "currency": "EUR", "account_number": IBAN, "opening_balance": str(opening),
        "closing_balance": str(opening + sum(m.amount for m in movements)),
        "lines": [{"date": str(m.day), "amount": str(m.amount), "description": m.what} for m in movements], **more,
    }


def locked_statement():
    opening = D("1240.50")
    movements = [
        Movement(date(2026, 6, 1), "STANDING ORDER RENT MILL ROAD", D("-780.00")),
        Movement(date(2026, 6, 3), "CARD CORNER LEAF MARKET", D("-41.17")),
        Movement(date(2026, 6, 5), "CARD LANTERN BOOKS", D("-18.90")),
        Movement(date(2026, 6, 9), "DIRECT DEBIT BRIGHTWATER ENERGY", D("-98.54")),
        Movement(date(2026, 6, 12), "CARD TIDELINE CAFE", D("-7.60")),
        Movement(date(2026, 6, 12), "CARD TIDELINE CAFE", D("-7.60")),
        Movement(date(2026, 6, 18), "TRANSFER FROM J SAMPLE", D("50.00")),
        Movement(date(2026, 6, 24), "CARD CORNER LEAF MARKET", D("-63.05")),
        Movement(date(2026, 6, 26), "SALARY HALCYON WORKSHOP LTD", D("2150.00")),
        Movement(date(2026, 6, 30), "ACCOUNT FEE", D("-4.00")),
    ]
    styles = getSampleStyleSheet()
    rows, balance = [["Date", "Details", "Amount", "Balance"]], opening
    for m in movements:
        balance += m.amount
        rows.append([f"{m.day:%d %b %Y}", m.what, money(m.amount), money(balance)])
    table = Table(rows, colWidths=[28 * mm, 82 * mm, 30 * mm, 30 * mm], repeatRows=1)
    table.setStyle(RULED)
    table.setStyle(TableStyle([("ALIGN", (2, 0), (-1, -1), "RIGHT")]))
    spaced = " ".join(IBAN[n : n + 4] for n in range(0, len(IBAN), 4))
    about = Table(
        [["Account holder", "Alex Sample"], ["IBAN", spaced], ["Currency", "EUR"],
         ["Period", "1 June 2026 to 30 June 2026"], ["Opening balance", money(opening)],
         ["Closing balance", money(balance)]], colWidths=[35 * mm, 80 * mm], hAlign="LEFT",
    )
    SimpleDocTemplate(
        str(HERE / "statement-locked.pdf"), pagesize=A4, title="Account statement", invariant=1,
        encrypt=StandardEncryption(PASSWORD, ownerPassword="keeper-of-the-keys", strength=128),
    ).build([
        Paragraph("Harbour Mutual Bank", styles["Title"]), Paragraph("Account statement", styles["Heading2"]),
        about, Spacer(1, 8 * mm), table,
    ])
    statement_truth("statement-locked.pdf", opening, movements, password=PASSWORD)


def csv_statement():
    opening = D("2419.64")
    movements = [
        Movement(date(2026, 7, 1), "STANDING ORDER RENT MILL ROAD", D("-780.00")),
        Movement(date(2026, 7, 4), "CARD LANTERN BOOKS", D("-24.35")),
        Movement(date(2026, 7, 8), "CARD NORTH PIER RAIL, RETURN", D("-31.80")),
        Movement(date(2026, 7, 13), "CARD CORNER LEAF MARKET", D("-52.46")),
        Movement(date(2026, 7, 20), "REFUND LANTERN BOOKS", D("12.00")),
        Movement(date(2026, 7, 28), "SALARY HALCYON WORKSHOP LTD", D("2150.00")),
        Movement(date(2026, 7, 31), "ACCOUNT FEE", D("-4.00")),
    ]
    rows, balance = ["Date,Description,Amount,Currency,Balance"], opening
    for m in movements:
        balance += m.amount
        what = f'"{m.what}"' if "," in m.what else m.what
        rows.append(f"{m.day},{what},{m.amount},EUR,{balance}")
    (HERE / "statement.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    statement_truth("statement.csv", opening, movements)
    # The file does not say whose it is, nor what was there before its first line.
    del TRUTH["statement.csv"]["account_number"], TRUTH["statement.csv"]["opening_balance"]


def ofx_statement():
    opening = D("3689.03")
    movements = [
        Movement(date(2026, 8, 3), "STANDING ORDER RENT MILL ROAD", D("-780.00"), "20260803-1"),
        Movement(date(2026, 8, 6), "CARD TIDELINE CAFE", D("-9.10"), "20260806-1"),
        Movement(date(2026, 8, 11), "CARD HARBOUR PHARMACY", D("-16.75"), "20260811-1"),
        Movement(date(2026, 8, 17), "CARD CORNER LEAF MARKET", D("-47.92"), "20260817-1"),
        Movement(date(2026, 8, 21), "CARD SALT & CEDAR FURNITURE", D("-229.00"), "20260821-1"),
        Movement(date(2026, 8, 28), "SALARY HALCYON WORKSHOP LTD", D("2150.00"), "20260828-1"),
    ]
    closing = opening + sum(m.amount for m in movements)
    parts = [
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
        "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX>\n<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>"
        "<DTSERVER>20260901080000<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>\n<BANKMSGSRSV1><STMTTRNRS><TRNUID>1"
        f"<STATUS><CODE>0<SEVERITY>INFO</STATUS>\n<STMTRS><CURDEF>EUR\n<BANKACCTFROM><BANKID>HRBM<ACCTID>{IBAN}"
        "<ACCTTYPE>CHECKING</BANKACCTFROM>\n<BANKTRANLIST><DTSTART>20260801<DTEND>20260831\n"
    ]
    for m in movements:
        kind = "CREDIT" if m.amount > 0 else "DEBIT"
        parts.append(
            f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>{m.day:%Y%m%d}120000<TRNAMT>{m.amount}<FITID>{m.reference}"
            f"<NAME>{escape(m.what)}</STMTTRN>\n"
        )
    parts.append(
        f"</BANKTRANLIST>\n<LEDGERBAL><BALAMT>{closing}<DTASOF>20260831</LEDGERBAL></STMTRS></STMTTRNRS>"
        "</BANKMSGSRSV1>\n</OFX>\n"
    )
    (HERE / "statement.ofx").write_text("".join(parts), encoding="ascii")
    statement_truth("statement.ofx", opening, movements)
    del TRUTH["statement.ofx"]["opening_balance"]


# --- expense reports ---

TRIP = [
    (date(2026, 9, 14), "North Pier Rail", "Train to Cork and back", D("64.00")),
    (date(2026, 9, 14), "Lee Quarter Hotel", "One night", D("118.50")),
    (date(2026, 9, 15), "Tideline Cafe", "Lunch with a client", D("37.20")),
    (date(2026, 9, 15), "City Cabs Cork", "Taxi to the station", D("14.80")),
]
MONTH = [
    (date(2026, 10, 2), "Lantern Books", "Manual for the new lathe", D("42.00")),
    (date(2026, 10, 9), "Corner Leaf Market", "Coffee for the workshop", D("19.60")),
    (date(2026, 10, 21), "Salt & Cedar Furniture", "Desk lamp", D("55.90")),
]


def report_truth(name, rows):
    TRUTH[name] = {
        "kind": "expense_report", "date": str(rows[-1][0]), "currency": "EUR", "total": str(sum(r[3] for r in rows)),
        "items": [{"date": str(r[0]), "description": r[2], "total": str(r[3])} for r in rows],
    }


def excel_report():
    book = Workbook()
    sheet = book.active
    sheet.title = "Expenses"
    sheet.append(["Expense report"])
    sheet.append(["Employee", "Alex Sample"])
    sheet.append(["Period", "September 2026"])
    sheet.append([])
    sheet.append(["Date", "Merchant", "Description", "Amount", "Currency"])
    for row in TRIP:
        sheet.append([row[0], row[1], row[2], float(row[3]), "EUR"])
    sheet.append(["Total", None, None, float(sum(r[3] for r in TRIP)), "EUR"])
    for cell in (sheet["A1"], *sheet[5], *sheet[sheet.max_row]):
        cell.font = Font(bold=True)
    for row in sheet.iter_rows(min_row=6, min_col=4, max_col=4):
        row[0].number_format = "0.00"
    for column, width in zip("ABCDE", (12, 24, 28, 12, 10)):
        sheet.column_dimensions[column].width = width
    with_fixed_times(book, HERE / "expenses.xlsx")
    report_truth("expenses.xlsx", TRIP)


def with_fixed_times(book, path):
    """Saves a workbook without the time of the day on which it was saved."""
    fresh = io.BytesIO()
    book.save(fresh)
    with zipfile.ZipFile(fresh) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-10-01T08:00:00Z", source.read(name))
            target.writestr(zipfile.ZipInfo(name, (2026, 10, 1, 8, 0, 0)), content)


def word_report():
    def paragraph(text, bold=False):
        style = "<w:rPr><w:b/></w:rPr>" if bold else ""
        return f'<w:p><w:r>{style}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'

    def row(cells, bold=False):
        return "<w:tr>" + "".join(f"<w:tc>{paragraph(cell, bold)}</w:tc>" for cell in cells) + "</w:tr>"

    rows = [row(["Date", "Merchant", "Description", "Amount"], True)]
    rows += [row([f"{r[0]:%d.%m.%Y}", r[1], r[2], money(r[3])]) for r in MONTH]
    rows.append(row(["Total", "", "", f"EUR {money(sum(r[3] for r in MONTH))}"], True))
    body = (
        paragraph("Expense report October 2026", True) + paragraph("Halcyon Workshop Ltd")
        + paragraph("Submitted by Alex Sample on 31 October 2026")
        + '<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/></w:tblPr>' + "".join(rows) + "</w:tbl>"
        + paragraph("All amounts in EUR. Receipts are attached.")
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    schemas = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'{head}<Types xmlns="{schemas}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{schemas}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{schemas}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'{head}<w:document xmlns:w="{schemas}/wordprocessingml/2006/main"><w:body>{body}'
        "<w:sectPr/></w:body></w:document>",
    }
    with zipfile.ZipFile(HERE / "expenses.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 31, 12, 0, 0)), text)
    report_truth("expenses.docx", MONTH)


if __name__ == "__main__":
    for make in (receipt, scanned_invoice, digital_invoice, locked_statement, csv_statement, ofx_statement,
                 excel_report, word_report):
        make()
    (HERE / "truth.json").write_text(json.dumps(TRUTH, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
