import com.fluenda.parcefone.event.CommonEvent;
import com.fluenda.parcefone.parser.CEFParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Reads one CEF message a line from standard input (UTF-8) and prints what ParCEFone, validating, makes of each: a JSON object, null when it refuses the message, or a text that says how it failed. */
public final class ParcefoneLines {
    public static void main(String[] arguments) throws Exception {
        CEFParser parser = new CEFParser();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            CommonEvent event;
            try {
                event = parser.parse(line, true, true, Locale.ENGLISH);
            } catch (RuntimeException thrown) {
                // Some messages that are none it does not refuse but fails on.
                StringBuilder reason = new StringBuilder();
                quote(reason, thrown.toString());
                out.print(reason.append('\n'));
                out.flush();
                continue;
            }
            if (event == null) {
                out.print("null\n");
                out.flush();
                continue;
            }
            Map<String, Object> fields = new TreeMap<>();
            fields.putAll(event.getHeader());
            fields.putAll(event.getExtension(true, true));
            StringBuilder json = new StringBuilder("{");
            for (Map.Entry<String, Object> field : fields.entrySet()) {
                if (json.length() > 1) json.append(',');
                quote(json, field.getKey());
                json.append(':');
                quote(json, text(field.getValue()));
            }
            out.print(json.append("}\n"));
            // Whoever asks may wait for this answer before it asks again.
            out.flush();
        }
    }

    private static String text(Object value) {
        if (value instanceof Date) return Long.toString(((Date) value).getTime());
        if (value instanceof InetAddress) return ((InetAddress) value).getHostAddress();
        return String.valueOf(value);
    }

    private static void quote(StringBuilder json, String text) {
        json.append('"');
        for (int index = 0; index < text.length(); index++) {
            char unit = text.charAt(index);
            if (unit == '"' || unit == '\\') json.append('\\').append(unit);
            else if (unit < 0x20) json.append(String.format("\\u%04x", (int) unit));
            else json.append(unit);
        }
        json.append('"');
    }
}
