import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node in this process, without its distribution: `java -cp 'JARS/*' OpenSearchNode.java HOME PORT`. It goes with the process. */
public final class OpenSearchNode extends Node {
    private OpenSearchNode(Environment environment, Collection<Class<? extends Plugin>> plugins) {
        super(environment, plugins, false);
    }

    public static void main(String[] parameters) throws Exception {
        Settings settings = Settings.builder()
            .put("path.home", parameters[0])
            .put("node.name", "peer")
            .put("cluster.name", "tidegate-peer")
            .put("discovery.type", "single-node")
            .put("http.port", parameters[1])
            .put("http.host", "127.0.0.1")
            .put("transport.host", "127.0.0.1")
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, java.util.Map.of(), Path.of(parameters[0], "config"), () -> "peer");
        Node node = new OpenSearchNode(environment, List.of(Netty4Plugin.class));
        node.start();
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
